import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { WebSocket } from 'ws';
import type { MediaConnectionEvents } from '../../../../media/media-connection.js';
import { SocketMediaConnection } from '../../../../media/socket-media-connection.js';
import { TelnyxSerializer } from './telnyx.serializer.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

/** A call, whose frames have 8 samples each. */
function call() {
  const socket = Object.assign(new EventEmitter(), { OPEN: 1, CLOSED: 3, readyState: 1 });
  const told: string[] = [];
  new SocketMediaConnection(socket as unknown as WebSocket, {
    serializer: new TelnyxSerializer(),
  }).open({
    connected: () => undefined,
    audio: (pcm) => told.push(`${pcm.length / 8} frame(s)`),
    dtmf: (digit) => told.push(`key ${digit}`),
    disconnected: ({ reason }) => told.push(reason),
  } as Partial<MediaConnectionEvents> as MediaConnectionEvents);
  const payload = Buffer.alloc(8, 0xff).toString('base64');
  const send = (message: object): void =>
    void socket.emit('message', Buffer.from(JSON.stringify(message)), false);
  return {
    told,
    hears: (...chunks: number[]): void => {
      for (const chunk of chunks) send({ event: 'media', media: { chunk: `${chunk}`, payload } });
    },
    presses: (digit: string): void => send({ event: 'dtmf', dtmf: { digit } }),
    leaves: (): void => void socket.emit('close', 1000),
  };
}

describe('the audio of a Telnyx call', () => {
  it('is handed on over a gap that nothing fills, 100 ms after the last frame', () => {
    const { told, hears, leaves } = call();
    hears(1, 3, 4);
    jest.advanceTimersByTime(99);
    expect(told).toEqual(['1 frame(s)']);
    jest.advanceTimersByTime(1);
    expect(told).toEqual(['1 frame(s)', '2 frame(s)']);
    // The missing one comes too late.
    hears(2, 5);
    expect(told.slice(2)).toEqual(['1 frame(s)']);
    leaves();
  });

  it('waits for as long as frames come, and keys do not make it wait longer', () => {
    const { told, hears, presses, leaves } = call();
    hears(1, 3);
    jest.advanceTimersByTime(60);
    hears(4);
    jest.advanceTimersByTime(60);
    presses('7');
    expect(told).toEqual(['1 frame(s)', 'key 7']);
    jest.advanceTimersByTime(40);
    expect(told).toEqual(['1 frame(s)', 'key 7', '2 frame(s)']);
    leaves();
  });

  it('has no timer when nothing waits any more', () => {
    const { told, hears, leaves } = call();
    hears(1, 3, 2);
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(1_000);
    expect(told).toEqual(['1 frame(s)', '2 frame(s)']);
    leaves();
  });

  it('is handed on when the call ends, before its end, and leaves no timer behind', () => {
    const { told, hears, leaves } = call();
    hears(1, 3);
    leaves();
    expect(told).toEqual(['1 frame(s)', '1 frame(s)', 'peer_left']);
    expect(jest.getTimerCount()).toBe(0);
    // A message after an end by this side.
    hears(9, 11);
    expect(jest.getTimerCount()).toBe(0);
  });
});
