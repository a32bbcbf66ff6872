import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import type { MediaEnd, MediaConnectionEvents } from './media-connection.js';
import { IGNORED } from './serializers/media-serializer.js';
import { ProtobufSerializer } from './serializers/protobuf.serializer.js';
import { SocketMediaConnection } from './socket-media-connection.js';

/** A socket whose peer takes nothing: all that is sent waits. */
class StuckSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly CLOSED = 3;
  readyState = 1;
  bufferedAmount = 0;
  closedWith: [code?: number, reason?: string] | undefined;

  send(data: Buffer): void {
    this.bufferedAmount += data.length;
  }

  close(code?: number, reason?: string): void {
    this.readyState = 2;
    this.closedWith = [code, reason];
  }
}

function open(serializer = new ProtobufSerializer(), socket = new StuckSocket()) {
  const link = new SocketMediaConnection(socket as unknown as WebSocket, { serializer });
  const told = { malformed: [] as string[], ends: [] as MediaEnd[] };
  const events: Partial<MediaConnectionEvents> = {
    connected: () => undefined,
    malformed: (what) => void told.malformed.push(what),
    disconnected: (end) => void told.ends.push(end),
  };
  link.open(events as MediaConnectionEvents);
  return { socket, link, told };
}

describe('SocketMediaConnection', () => {
  it('survives a serializer that throws', () => {
    const serializer = new ProtobufSerializer();
    const { socket, told } = open(
      Object.assign(serializer, {
        read: () => {
          if (told.malformed.length === 0) throw new Error('a bug');
          return IGNORED;
        },
      }),
    );
    socket.emit('message', Buffer.alloc(1), true);
    socket.emit('message', Buffer.alloc(1), true);
    expect(told.malformed).toEqual(['a message that cannot be read']);
  });

  it('survives a serializer that reads nothing', () => {
    const serializer = Object.assign(new ProtobufSerializer(), { read: () => undefined as never });
    const { socket, told } = open(serializer);
    socket.emit('message', Buffer.alloc(1), true);
    expect(told.malformed).toEqual(['a message that cannot be read']);
  });

  it.each<[string, (link: SocketMediaConnection) => unknown]>([
    ['audio', (link) => link.sendAudio(new Int16Array(160))],
    ['clear', (link) => link.clear()],
    ['mark', (link) => link.mark('x')],
    ['dtmf', (link) => link.sendDtmf('1')],
    ['message', (link) => link.sendMessage({})],
  ])('names the serializer as what threw: %s()', (method, use) => {
    const serializer = Object.assign(new ProtobufSerializer(), {
      [method]: () => {
        throw new Error('a bug');
      },
    });
    const { link } = open(serializer);
    expect(() => use(link)).toThrow(`The serializer threw in ${method}().`);
  });

  it('closes on a peer that does not read what it is sent', () => {
    const { socket, link, told } = open();
    const message = { text: 'x'.repeat(1_000_000) };
    let sent = 0;
    while (sent < 10 && link.sendMessage(message)) sent++;
    expect(sent).toBe(5);
    expect(link.sendAudio(new Int16Array(480))).toBe(false);
    expect(link.sendMessage({})).toBe(false);
    expect(socket.closedWith).toEqual([1008, 'what is sent is not read']);
    socket.emit('close', 1006);
    expect(told.ends).toEqual([
      { reason: 'failed', message: 'The other side does not read what it is sent.' },
    ]);
  });

  it('counts messages that are not read, and not only their bytes', () => {
    const { socket, link } = open();
    // Of two bytes each.
    for (let i = 0; i < 100_000 && !socket.closedWith; i++) link.clear();
    expect(socket.closedWith).toEqual([1008, 'what is sent is not read']);
    expect(socket.bufferedAmount).toBeLessThan(40_000);
  });

  it('sends as many messages in one go as the connection takes', () => {
    const { socket, link } = open();
    socket.send = () => undefined;
    for (let i = 0; i < 100_000; i++) link.clear();
    expect(socket.closedWith).toBeUndefined();
  });

  it('has lost a peer that was gone before it was opened', () => {
    const { told } = open(undefined, Object.assign(new StuckSocket(), { readyState: 3 }));
    expect(told.ends).toEqual([{ reason: 'peer_left', message: 'The other side left (1006).' }]);
  });

  it.each([
    ['closed', [1000]],
    ['aborted', undefined],
  ] as const)('leaves the close code to the session, which knows why: %s', (reason, closedWith) => {
    const { socket, link } = open();
    link.close({ reason, message: 'why' });
    expect(socket.closedWith?.filter((one) => one !== undefined)).toEqual(closedWith);
  });
});
