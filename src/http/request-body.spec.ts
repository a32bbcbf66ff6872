import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { leaveBody, takeBody } from './request-body.js';
import { RunnerRequest } from './runner-request.js';

afterEach(() => void jest.useRealTimers());

const LIMITS = { bodyLimitBytes: 100, bodyTimeoutMs: 1_000 };

function request(headers: Record<string, string>, more: object = {}) {
  const raw = Object.assign(new IncomingMessage(new Socket()), { method: 'POST', ...more });
  Object.assign(raw, { httpVersionMajor: 1 });
  Object.assign(raw.headers, headers);
  return { raw, request: RunnerRequest.of(raw as never) };
}

const CHUNKED = { 'transfer-encoding': 'chunked' };

/** Takes a body that comes in these chunks. @param end false for one that does not end */
function take(chunks: (string | Buffer)[], headers = CHUNKED, end = true, limits = LIMITS) {
  const { raw, request: taken } = request(headers);
  const done = jest.fn<(error?: Error) => void>();
  takeBody(taken, limits, done);
  for (const chunk of chunks) raw.push(chunk);
  if (end) raw.push(null);
  return { raw, taken, done };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('takeBody()', () => {
  it('takes a body of exactly the limit, and refuses one more byte', async () => {
    const fits = take([JSON.stringify('x'.repeat(98))]);
    const tooLong = take([JSON.stringify('x'.repeat(99))]);
    await settled();
    expect(fits.done.mock.calls).toEqual([[undefined]]);
    expect(fits.taken.body).toBe('x'.repeat(98));
    expect(tooLong.done.mock.calls).toEqual([[expect.objectContaining({ code: 'TOO_LARGE' })]]);
  });

  it('refuses a body of more than the limit that is announced, before it reads any', () => {
    expect(take([], { 'content-length': '100' } as never, false).done).not.toHaveBeenCalled();
    const { done } = take([], { 'content-length': '101' } as never, false);
    expect(done.mock.calls).toEqual([[expect.objectContaining({ code: 'TOO_LARGE' })]]);
  });

  it('refuses a body in thousands of tiny pieces', async () => {
    const limits = { ...LIMITS, bodyLimitBytes: 1_000_000 };
    const pieces = Array.from({ length: 5_001 }, () => ' ');
    const { raw, request: taken } = request(CHUNKED);
    const done = jest.fn<(error?: Error) => void>();
    takeBody(taken, limits, done);
    for (const piece of pieces) raw.emit('data', Buffer.from(piece));
    await settled();
    expect(done.mock.calls).toEqual([[expect.objectContaining({ code: 'TOO_LARGE' })]]);
    // The rest is not looked at, each piece of which would cost as much again.
    expect(raw.listenerCount('data')).toBe(0);
  });

  it('leaves no timer behind, however a body ends', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    take(['{}']);
    take(['x'.repeat(101)]);
    take(['{'], CHUNKED, false).raw.destroy();
    await settled();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('answers once for a body that is too slow, and for one that breaks off', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const slow = take(['{'], CHUNKED, false);
    const broken = take(['{'], CHUNKED, false);
    broken.raw.destroy();
    await settled();
    expect(slow.done).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1_000);
    slow.raw.push(null);
    await settled();
    for (const { done } of [slow, broken]) {
      expect(done.mock.calls).toEqual([[expect.objectContaining({ code: 'BAD_REQUEST' })]]);
    }
  });

  it('parses nothing that is encoded', async () => {
    const { done } = take(['{}'], { ...CHUNKED, 'content-encoding': 'gzip' } as never);
    await settled();
    expect(done.mock.calls).toEqual([
      [expect.objectContaining({ code: 'UNSUPPORTED_MEDIA_TYPE' })],
    ]);
  });

  it('keeps the limit of a body that something has read before', () => {
    for (const [length, code] of [
      [98, undefined],
      [99, 'TOO_LARGE'],
    ] as const) {
      const body = JSON.stringify('x'.repeat(length));
      const { request: taken } = request(CHUNKED, { body });
      Object.defineProperty(taken.raw, 'readableDidRead', { value: true });
      const done = jest.fn<(error?: Error) => void>();
      takeBody(taken, LIMITS, done);
      expect((done.mock.calls[0]![0] as { code?: string } | undefined)?.code).toBe(code);
    }
  });
});

describe('leaveBody()', () => {
  it('leaves a body with its limit, and refuses one that announces more', () => {
    const fits = request({ 'content-length': '100' });
    const tooLong = request({ 'content-length': '101' });
    const done = jest.fn<(error?: Error) => void>();
    leaveBody(fits.request, LIMITS, done);
    leaveBody(tooLong.request, LIMITS, done);
    expect(done.mock.calls).toEqual([[], [expect.objectContaining({ code: 'TOO_LARGE' })]]);
    expect(fits.request.taken).toMatchObject({ leftBytes: 100, announcedBytes: 100 });
    expect(fits.raw.headers).toEqual({});
  });
});
