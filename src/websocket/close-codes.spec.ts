import { describe, expect, it } from '@jest/globals';
import { SessionEnd } from '../bot/session-end.js';
import { RunnerError } from '../errors/runner.error.js';
import { closeFor } from './close-codes.js';

const startFailed = (cause: Error): SessionEnd => new SessionEnd('start_failed', 'x', { cause });

describe('closeFor', () => {
  it.each([
    [new SessionEnd('completed', 'x'), 1000],
    [new SessionEnd('draining', 'x'), 1001],
    [new SessionEnd('peer_error', 'x'), 1008],
    [new SessionEnd('failed', 'x'), 1011],
    [new SessionEnd('not_ready', 'x'), 1011],
    [new SessionEnd('expired', 'x'), 4003],
    [new SessionEnd('too_long', 'x'), 1000],
    [new SessionEnd('peer_left', 'x'), 1000],
    [new SessionEnd('stopped', 'x'), 1000],
    [startFailed(new RunnerError('AT_CAPACITY', 'x')), 1013],
    [startFailed(new RunnerError('PROVIDER_REFUSED', 'x')), 1011],
    [startFailed(new Error('x')), 1011],
    [new RunnerError('UNAUTHORIZED', 'x'), 4003],
    [new RunnerError('FORBIDDEN', 'x'), 4003],
    [new RunnerError('AT_CAPACITY', 'x'), 1013],
    [new RunnerError('OVERLOADED', 'x'), 1013],
    [new RunnerError('TRANSPORT_UNAVAILABLE', 'x'), 1008],
    [new RunnerError('DRAINING', 'x'), 1001],
    [new RunnerError('BAD_REQUEST', 'x'), 1008],
    [new RunnerError('NO_BOT', 'x'), 1011],
  ])('%s is %d', (cause, code) => {
    expect(closeFor(cause)).toEqual({ code, reason: 'x' });
  });

  it('keeps what it does not know to itself', () => {
    expect(closeFor(new Error('secret'))).toEqual({ code: 1011, reason: 'the runner failed' });
    expect(closeFor(undefined).code).toBe(1011);
  });

  it('tells a caller of a failed start only what it can act on', () => {
    const start = (code: 'AT_CAPACITY' | 'PROVIDER_REFUSED') =>
      closeFor(startFailed(new RunnerError(code, 'the cause')));
    expect(start('AT_CAPACITY').reason).toBe('the cause');
    expect(start('PROVIDER_REFUSED').reason).toBe('x');
  });

  it.each(['x'.repeat(500), 'é'.repeat(100), '😀'.repeat(50), `${'x'.repeat(119)}é😀`])(
    'fits %j into a close frame',
    (message) => {
      const { reason } = closeFor(new SessionEnd('stopped', message));
      expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
      expect(reason).not.toContain('\ufffd');
    },
  );
});
