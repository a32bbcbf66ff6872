import { describe, expect, it } from '@jest/globals';
import { ForbiddenException, HttpException } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { toErrorAnswer } from './error-answer.js';

describe('the HTTP answer for an error', () => {
  it('shows nothing of one that nobody raised on purpose', () => {
    const { status, body, unexpected } = toErrorAnswer(new Error('password=secret'));
    expect([status, unexpected]).toEqual([500, true]);
    expect(JSON.stringify(body)).not.toContain('secret');
  });

  it('says when to come again, for what passes', () => {
    const { status, headers, body } = toErrorAnswer(new RunnerError('OVERLOADED', 'later'));
    expect([status, headers, body.code]).toEqual([503, { 'retry-after': '5' }, 'OVERLOADED']);
    expect(toErrorAnswer(new RunnerError('FORBIDDEN', 'no')).headers).toEqual({});
  });

  it.each([
    [429, 'RATE_LIMITED'],
    [403, undefined],
  ])('tells a rate limit of the host apart: %d has the code %s', (status, code) => {
    expect(toErrorAnswer(new HttpException('no', status)).body.code).toBe(code);
  });

  it('is that of an unexpected error where the body or the status cannot be sent', () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    class Circular extends RunnerError {
      override get details() {
        return circular;
      }
    }
    expect(toErrorAnswer(new Circular('FORBIDDEN', 'no')).status).toBe(500);
    expect(toErrorAnswer(new HttpException('no', 99)).status).toBe(500);
    expect(toErrorAnswer(new ForbiddenException('no')).status).toBe(403);
  });
});
