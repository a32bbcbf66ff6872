import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PEER_OPTIONS } from '../../../../test/support/peer-options.js';
import * as werift from 'werift';
import type { Peer, PeerEvents } from './peer.js';
import { type Werift, weriftStack } from './werift-peer.js';

/** An event of werift's, which the test emits. */
class FakeEvent<T> {
  private readonly listeners: ((value: T) => void)[] = [];
  subscribe = (listener: (value: T) => void): void => void this.listeners.push(listener);
  emit = (value: T): void => this.listeners.forEach((listener) => listener(value));
}

class FakeChannel {
  readyState = 'open';
  bufferedAmount = 0;
  readonly sent: string[] = [];
  readonly onMessage = new FakeEvent<Buffer>();
  readonly stateChanged = new FakeEvent<string>();
  send(text: string): void {
    if (text.length > 65_536) throw new Error('too large');
    this.sent.push(text);
  }
}

class FakeConnection {
  readonly connectionStateChange = new FakeEvent<string>();
  readonly onDataChannel = new FakeEvent<FakeChannel>();
  constructor() {
    made.push(this);
  }
}

const made: FakeConnection[] = [];
/** Creates a peer whose client opens these channels. */
let create: (...channels: FakeChannel[]) => Peer;
let events: { readonly [E in keyof PeerEvents]?: jest.Mock };

beforeAll(async () => {
  const lib = { ...werift, RTCPeerConnection: FakeConnection } as unknown as Werift;
  const stack = await weriftStack(lib);
  create = (...channels) => {
    const peer = stack.create(PEER_OPTIONS, events as unknown as PeerEvents);
    for (const channel of channels) made.at(-1)!.onDataChannel.emit(channel);
    return peer;
  };
});
beforeEach(() => {
  const names = ['connected', 'failed', 'left', 'channelOpen', 'message'] as const;
  events = Object.fromEntries(names.map((name) => [name, jest.fn()]));
});

describe('the data channel of a client', () => {
  it('is cut off when four megabytes wait for a client that takes none', () => {
    expect(create().send('no channel')).toBe(false);
    const channel = new FakeChannel();
    const peer = create(channel);
    channel.bufferedAmount = 4 * 1_048_576;
    expect(peer.send('the last')).toBe(true);
    expect(events.failed).not.toHaveBeenCalled();
    channel.bufferedAmount++;
    expect(peer.send('too much')).toBe(false);
    expect(events.failed).toHaveBeenCalledWith('The client does not take its messages.');
    expect(channel.sent).toEqual(['the last']);
  });

  it('takes no message that is larger than the client accepts', () => {
    const peer = create(new FakeChannel());
    expect(peer.send('x'.repeat(100_000))).toBe(false);
    expect(peer.send('x')).toBe(true);
  });

  it('is the last one that the client opened', () => {
    const [first, second] = [new FakeChannel(), new FakeChannel()];
    const peer = create(first, second);
    first.stateChanged.emit('closed');
    expect(events.left).not.toHaveBeenCalled();
    second.stateChanged.emit('open');
    expect(events.channelOpen).toHaveBeenCalledTimes(1);
    peer.send('x');
    expect([first.sent, second.sent]).toEqual([[], ['x']]);
    second.stateChanged.emit('closed');
    expect(events.left).toHaveBeenCalledTimes(1);
  });
});
