import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { bodyStreamOf, discardBody } from './body-stream.js';
import { EMPTY_BODY, RunnerRequest } from './runner-request.js';

afterEach(() => void jest.useRealTimers());

/** A request whose body was left on the wire. */
function left(leftBytes = 10): RunnerRequest {
  const request = RunnerRequest.of(new IncomingMessage(new Socket()) as never);
  request.taken = { ...EMPTY_BODY, leftBytes };
  return request;
}

describe('discardBody()', () => {
  it.each(['end', 'close'])('leaves the connection alone after %s', (event) => {
    jest.useFakeTimers();
    const request = left();
    discardBody(request);
    request.raw.emit(event);
    expect(jest.getTimerCount()).toBe(0);
    expect(request.raw.socket.destroyed).toBe(false);
  });

  it('cuts the connection of a client that goes on for two seconds', () => {
    jest.useFakeTimers();
    const request = left();
    discardBody(request);
    jest.advanceTimersByTime(1_999);
    expect(request.raw.socket.destroyed).toBe(false);
    jest.advanceTimersByTime(1);
    expect(request.raw.socket.destroyed).toBe(true);
  });

  it('does nothing about a body that was read', () => {
    jest.useFakeTimers();
    const request = left();
    request.taken = EMPTY_BODY;
    discardBody(request);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('bodyStreamOf()', () => {
  it('streams a body of exactly the limit, and fails with one more byte', async () => {
    const fits = left(3);
    fits.raw.push('abc');
    fits.raw.push(null);
    await expect(new Response(bodyStreamOf(fits)).text()).resolves.toBe('abc');
    const tooLong = left(3);
    tooLong.raw.push('abcd');
    tooLong.raw.push(null);
    await expect(new Response(bodyStreamOf(tooLong)).text()).rejects.toMatchObject({
      code: 'TOO_LARGE',
    });
    expect(tooLong.raw.socket.destroyed).toBe(false);
  });

  it('is undefined where there is no body', () => {
    const request = left();
    request.taken = EMPTY_BODY;
    expect(bodyStreamOf(request)).toBeUndefined();
  });
});
