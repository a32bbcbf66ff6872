import { once } from 'node:events';
import { createServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import { RunnerWebSocket } from '../websocket/runner-web-socket.js';
import { type RelayEvents, SocketRelay } from './socket-relay.js';

let http: HttpServer;
let server: WebSocketServer;
beforeEach(async () => {
  server = new WebSocketServer({ server: (http = createServer()), WebSocket: RunnerWebSocket });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
});
afterEach(async () => {
  for (const client of server.clients) client.terminate();
  http.close();
  await once(http, 'close');
});

const port = (): number => (http.address() as AddressInfo).port;
const events = { faulty: () => undefined, broken: () => undefined };

/** A relay between a client and a bot, whose other ends are here. */
async function connected(of: RelayEvents = events) {
  const arrival = once(server, 'connection');
  const client = new WebSocket(`ws://127.0.0.1:${port()}/`);
  const [peer] = (await arrival) as [WebSocket];
  await once(client, 'open');
  const other = once(server, 'connection');
  const between = new SocketRelay(peer, connect(port(), '127.0.0.1'), of);
  const [bot] = (await other) as [WebSocket];
  bot.send('open');
  await once(client, 'message');
  return { relay: between, client, peer, bot };
}

/** The connection of a WebSocket, for frames by hand. */
const wireOf = (socket: WebSocket): Socket => (socket as unknown as { _socket: Socket })._socket;

/** Numbered binary messages of two bytes, as a bot sends them. */
const TINY = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.from([0x82, 2, i >> 8, i & 0xff])));

/** A relay between a peer that reads nothing, and what is left of a bot. */
async function relay(): Promise<{ relay: SocketRelay; peer: WebSocket; bot: WebSocket }> {
  const { client, ...ends } = await connected();
  client.pause();
  return ends;
}

describe('a relay from a process that is gone', () => {
  it('ends when the connection stays, because another process has it', async () => {
    const { relay: between, bot } = await relay();
    const closed = once(bot, 'close');
    await between.finish(50);
    await closed;
  });

  it('brings everything that the process left, also when the event loop is late', async () => {
    const { relay: between, client, bot } = await connected();
    const count = 300;
    let received = 0;
    client.on('message', () => received++);
    for (let i = 0; i < count; i++) bot.send(Buffer.alloc(640));
    expect(bot.bufferedAmount).toBe(0);
    const finished = between.finish(1);
    for (const endMs = performance.now() + 10; performance.now() < endMs;);
    await finished;
    client.ping();
    await once(client, 'pong');
    expect(received).toBe(count);
  });

  it('ends when tiny messages keep coming', async () => {
    const { relay: between, bot } = await connected();
    const many = TINY(10_000);
    const more = (): void => void wireOf(bot).write(many, (error) => error ?? more());
    more();
    const closed = once(bot, 'close');
    await between.finish(1);
    await closed;
  });

  it('ends when more comes over it than the process can have left', async () => {
    const { relay: between, peer, bot } = await relay();
    const finished = between.finish(600_000);
    const more = (): void => bot.send(Buffer.alloc(65_536), (error) => error ?? more());
    more();
    await finished;
    expect(peer.bufferedAmount).toBeLessThan(8_000_000);
  });
});

describe('a bot that does not read', () => {
  /** Sends until the relay does not read on. */
  async function fill(client: WebSocket, peer: WebSocket): Promise<number> {
    let sent = 0;
    for (; !peer.isPaused; await nextTurn()) {
      client.send(String(sent++).padEnd(65_536));
    }
    return sent;
  }

  it('holds its peer up, and is given everything in order once it reads', async () => {
    const { client, peer, bot } = await connected();
    bot.pause();
    const sent = await fill(client, peer);
    const numbers: number[] = [];
    const all = new Promise<void>((resolve) =>
      bot.on('message', (data: Buffer) => {
        if (numbers.push(Number(data.toString())) === sent) resolve();
      }),
    );
    bot.resume();
    await all;
    expect(numbers).toEqual(Array.from({ length: sent }, (_, i) => i));
    expect(peer.isPaused).toBe(false);
  });

  it('holds a peer up that sends messages without a byte', async () => {
    const { peer } = await connected();
    for (let i = 0; i < 1_000; i++) peer.emit('message', Buffer.alloc(0), true);
    expect(peer.isPaused).toBe(true);
  });

  it('leaves a peer that can be heard to leave, when it is gone itself', async () => {
    let broken!: () => void;
    const gone = new Promise<void>((resolve) => (broken = resolve));
    const { client, peer, bot } = await connected({ ...events, broken });
    bot.pause();
    await fill(client, peer);
    bot.terminate();
    await gone;
    const closed = once(peer, 'close');
    client.terminate();
    await closed;
  });
});

describe('a bot that sends tiny messages in one piece', () => {
  it('lets the event loop have a turn after a hundred of them, and loses none', async () => {
    const { client, peer, bot } = await connected();
    const count = 20_000;
    let inTurn = 0;
    let most = 0;
    const send = peer.send.bind(peer);
    peer.send = (...args: unknown[]) => {
      most = Math.max(most, ++inTurn);
      send(...(args as Parameters<typeof send>));
    };
    const numbers: number[] = [];
    const all = new Promise<void>((resolve) =>
      client.on('message', (data: Buffer) => {
        if (numbers.push(data.readUInt16BE()) === count) resolve();
      }),
    );
    const turn = (): void => {
      inTurn = 0;
      if (numbers.length < count) setImmediate(turn);
    };
    turn();
    const expected = Array.from({ length: count }, (_, i) => i);
    wireOf(bot).write(TINY(count));
    await all;
    expect(numbers).toEqual(expected);
    expect(most).toBeLessThanOrEqual(200);
  });
});

describe('a bot whose peer says no limit', () => {
  it('violates the protocol with a message of more than 1 MiB', async () => {
    let faulty!: (problem: string) => void;
    const problem = new Promise<string>((resolve) => (faulty = resolve));
    const { client, bot } = await connected({ ...events, faulty });
    bot.send(Buffer.alloc(1_048_576));
    const [{ length }] = (await once(client, 'message')) as [Buffer];
    expect(length).toBe(1_048_576);
    const relayed = once(client, 'message').then(() => 'relayed');
    bot.send(Buffer.alloc(1_048_577));
    expect(await Promise.race([problem, relayed])).toBe(
      'sent a WebSocket message of more than 1048576 bytes',
    );
  });
});

describe('the end of a relay', () => {
  it.each<[string, (client: WebSocket) => void, number]>([
    ['its code', (client) => client.close(4001, 'why'), 4001],
    ['no code', (client) => client.close(), 1005],
    ['no close frame', (client) => client.terminate(), 1006],
  ])('that comes from the peer with %s is that of the bot', async (_, leave, code) => {
    const { client, bot } = await connected();
    const closed = once(bot, 'close');
    leave(client);
    expect((await closed)[0]).toBe(code);
  });

  it.each<[string, (bot: WebSocket) => void, number]>([
    ['its code', (bot) => bot.close(4001, 'why'), 4001],
    ['no code', (bot) => bot.close(), 1005],
  ])('that comes from the bot with %s is that of the peer', async (_, leave, code) => {
    const { client, bot } = await connected();
    const closed = once(client, 'close');
    leave(bot);
    expect((await closed)[0]).toBe(code);
  });

  it('comes after everything that was said before it', async () => {
    const arrival = once(server, 'connection');
    const client = new WebSocket(`ws://127.0.0.1:${port()}/`);
    const [peer] = (await arrival) as [RunnerWebSocket];
    peer.hold();
    const slow = createTcpServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(slow, 'listening');
    const process = once(slow, 'connection');
    new SocketRelay(peer, connect((slow.address() as AddressInfo).port, '127.0.0.1'), events);
    if (client.readyState !== WebSocket.OPEN) await once(client, 'open');
    client.send('early');
    client.close(4001);
    await once(peer, 'close');
    // Only now does the process take its part of the connection.
    const other = once(server, 'connection');
    const [channel] = (await process) as [Socket];
    http.emit('connection', channel);
    channel.resume();
    slow.close();
    const [bot] = (await other) as [WebSocket];
    const [message, end] = await Promise.all([once(bot, 'message'), once(bot, 'close')]);
    expect([String(message[0]), end[0]]).toEqual(['early', 4001]);
  });

  it('leaves no timer behind', async () => {
    const { relay: between, bot } = await connected();
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      const finished = between.finish(600_000);
      bot.terminate();
      await finished;
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});
