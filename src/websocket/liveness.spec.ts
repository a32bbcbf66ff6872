import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { SocketLiveness } from './liveness.js';

const INTERVAL_MS = 1_000;

/** A peer that sends what a test says. */
class Peer extends EventEmitter {
  readonly CLOSED = WebSocket.CLOSED;
  readyState: number = WebSocket.OPEN;
  isPaused = false;
  pings = 0;
  readonly done: string[] = [];
  readonly tcp = { bytesRead: 300, destroy: () => void this.done.push('destroy') };

  ping(): void {
    this.pings++;
  }
  terminate(): void {
    this.done.push('terminate');
  }
  close(): void {
    this.readyState = WebSocket.CLOSED;
    this.emit('close');
  }
}

const watched = (liveness: SocketLiveness, peer = new Peer()): Peer => {
  liveness.watch(peer as unknown as WebSocket, { socket: peer.tcp as unknown } as IncomingMessage);
  return peer;
};

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('the keep-alive of a socket', () => {
  it('pings, and cuts a peer that sent nothing since, which is no close from this side', () => {
    const peer = watched(new SocketLiveness(INTERVAL_MS));
    jest.advanceTimersByTime(INTERVAL_MS);
    expect([peer.pings, peer.done]).toEqual([1, []]);
    peer.tcp.bytesRead++;
    jest.advanceTimersByTime(INTERVAL_MS);
    expect([peer.pings, peer.done]).toEqual([2, []]);
    jest.advanceTimersByTime(INTERVAL_MS);
    expect([peer.pings, peer.done]).toEqual([2, ['destroy']]);
  });

  it('waits for a peer that the bot does not read, and pings it again afterwards', () => {
    const peer = watched(new SocketLiveness(INTERVAL_MS));
    jest.advanceTimersByTime(INTERVAL_MS);
    peer.isPaused = true;
    jest.advanceTimersByTime(3 * INTERVAL_MS);
    expect([peer.pings, peer.done]).toEqual([1, []]);
    peer.isPaused = false;
    jest.advanceTimersByTime(INTERVAL_MS);
    expect([peer.pings, peer.done]).toEqual([2, []]);
  });

  it('takes one timer for all, which ends with the last and begins again with the next', () => {
    const liveness = new SocketLiveness(INTERVAL_MS);
    const peers = [watched(liveness), watched(liveness)];
    expect(jest.getTimerCount()).toBe(1);
    peers[0]!.close();
    expect(jest.getTimerCount()).toBe(1);
    peers[1]!.close();
    expect(jest.getTimerCount()).toBe(0);
    const next = watched(liveness);
    jest.advanceTimersByTime(INTERVAL_MS);
    expect([next.pings, ...peers.map(({ pings }) => pings)]).toEqual([1, 0, 0]);
  });

  it('is not for a socket that has closed already, nor with an interval of 0', () => {
    const closed = new Peer();
    closed.close();
    watched(new SocketLiveness(INTERVAL_MS), closed);
    watched(new SocketLiveness(0));
    expect(jest.getTimerCount()).toBe(0);
  });
});
