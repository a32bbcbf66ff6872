import { EventEmitter, on, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { RawSocketServer, UpgradeRouter } from './upgrade-router.js';
import { type RunnerWebSocket, type SocketResponder, UNHEARD } from './runner-web-socket.js';

let http: Server;
let sockets: RawSocketServer;
let url: string;
const clients: WebSocket[] = [];

beforeEach(async () => {
  http = createServer();
  sockets = new RawSocketServer(() => '/ws', { maxPayloadBytes: 1_000_000, closeTimeoutMs: 100 });
  new UpgradeRouter(http).add(sockets);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/ws`;
});
afterEach(async () => {
  // One that is asked to close the connection itself would be waited for.
  for (const client of clients.splice(0)) client.terminate();
  await sockets.close();
  http.close();
});

/** A request for a WebSocket, by hand. */
const UPGRADE = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

/** A connection whose server side is held. */
async function pair(): Promise<{ client: WebSocket; server: RunnerWebSocket }> {
  const connection = once(sockets, 'connection');
  const client = new WebSocket(url);
  clients.push(client);
  const [server] = (await connection) as [RunnerWebSocket];
  if (client.readyState !== WebSocket.OPEN) await once(client, 'open');
  return { client, server };
}

/** A connection whose client is written by hand, and whose server side is held. */
async function rawPair(): Promise<{ tcp: Socket; server: RunnerWebSocket }> {
  const connection = once(sockets, 'connection');
  const tcp = connect((http.address() as AddressInfo).port, '127.0.0.1');
  tcp.on('error', () => undefined).resume();
  tcp.write(UPGRADE('/ws'));
  const [server] = (await connection) as [RunnerWebSocket];
  return { tcp, server };
}

/** Texts without a character, as a client sends them. */
const EMPTY_MESSAGES = (count: number): Buffer =>
  Buffer.concat(Array<Buffer>(count).fill(Buffer.from([0x81, 0x80, 0, 0, 0, 0])));

/** Resolves once the server side has read everything the client sent so far. */
async function settled(client: WebSocket): Promise<void> {
  client.ping();
  await once(client, 'pong');
}

/** Fakes the timers of the socket, not the turns of the event loop. */
const useFakeTimeouts = (): void =>
  void jest.useFakeTimers({
    doNotFake: ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask', 'performance'],
  });

/** Listens, and resolves with the first byte of each of as many messages. */
function counted(server: RunnerWebSocket, count: number): Promise<number[]> {
  return new Promise((resolve) => {
    const firstBytes: number[] = [];
    server.on('message', (data: Buffer) => {
      if (firstBytes.push(data[0]!) === count) resolve(firstBytes);
    });
  });
}

describe('a guarded socket', () => {
  it('tells of listeners that throw or reject, and calls the others', async () => {
    const { client, server } = await pair();
    const failures: string[] = [];
    server.guard((thrown) => failures.push(String(thrown)));
    const fail = (text: string) => (): unknown => Promise.reject(new Error(text));
    server.on('message', () => {
      throw new Error('thrown');
    });
    server.once('message', fail('rejected'));
    server.addEventListener('message', fail('rejected in a handler'));
    server.on('close', () => {
      throw new Error('thrown at the end');
    });
    const closed = once(server, 'close');
    client.send('held until now');
    client.send('as it comes');
    client.close();
    await closed;
    expect(failures.sort()).toEqual(
      [
        'rejected',
        ...new Array<string>(2).fill('rejected in a handler'),
        ...new Array<string>(2).fill('thrown'),
        'thrown at the end',
      ].map((text) => `Error: ${text}`),
    );
  });
});

describe('a held socket', () => {
  it.each<[string, (server: RunnerWebSocket, take: (data: unknown) => void) => void]>([
    ['on', (server, take) => server.on('message', take)],
    ['prependListener', (server, take) => server.prependListener('message', take)],
    [
      'addEventListener',
      (server, take) => server.addEventListener('message', ({ data }) => take(data)),
    ],
    ['onmessage', (server, take) => (server.onmessage = ({ data }) => take(data))],
  ])('gives everything to a listener added with %s, in order', async (_, listen) => {
    const { client, server } = await pair();
    for (let i = 0; i < 5; i++) client.send(`early ${i}`);
    await settled(client);
    const got: string[] = [];
    const all = new EventEmitter();
    listen(server, (data) => {
      if (got.push(String(data)) === 10) all.emit('all');
    });
    for (let i = 0; i < 5; i++) client.send(`late ${i}`);
    await once(all, 'all');
    expect(got).toEqual(
      [0, 1, 2, 3, 4].flatMap((i) => `early ${i}`).concat([0, 1, 2, 3, 4].map((i) => `late ${i}`)),
    );
  });

  it('works with events.on and with once, which takes one and leaves the rest', async () => {
    const { client, server } = await pair();
    for (let i = 0; i < 4; i++) client.send(String(i));
    await settled(client);
    const [first] = (await once(server, 'message')) as [Buffer];
    expect(first.toString()).toBe('0');
    const rest: string[] = [];
    for await (const [data] of on(server, 'message') as AsyncIterable<[Buffer]>) {
      if (rest.push(data.toString()) === 3) break;
    }
    expect(rest).toEqual(['1', '2', '3']);
  });

  it('passes new frames on without delay once somebody listens', async () => {
    const { client, server } = await pair();
    server.on('message', (data) => server.send(data));
    client.send('a');
    const [a] = (await once(client, 'message')) as [Buffer];
    expect(a.toString()).toBe('a');
  });

  it('keeps what comes when it is held again', async () => {
    const { client, server } = await pair();
    server.on('message', () => undefined);
    client.send('gone');
    await settled(client);
    server.removeAllListeners('message');
    server.hold();
    client.send('kept');
    await settled(client);
    const [data] = (await once(server, 'message')) as [Buffer];
    expect(data.toString()).toBe('kept');
  });

  it('stops reading past its limit, loses nothing, and reads on when somebody listens', async () => {
    const { client, server } = await pair();
    const frame = Buffer.alloc(40_000, 1);
    for (let i = 0; i < 100; i++) client.send(frame);
    while (!server.isPaused) await new Promise((resolve) => setImmediate(resolve));
    const lengths: number[] = [];
    await new Promise<void>((resolve) =>
      server.on('message', (data: Buffer) => {
        if (lengths.push(data.length) === 100) resolve();
      }),
    );
    expect(lengths).toEqual(new Array(100).fill(40_000));
    expect(server.isPaused).toBe(false);
  });

  it('may fill up and be read again and again, and listens no more for that', async () => {
    const { client, server } = await pair();
    const before = server.listenerCount('close');
    for (let i = 0; i < 12; i++) {
      for (let j = 0; j < 3; j++) client.send(Buffer.alloc(40_000, j));
      while (!server.isPaused) await new Promise((resolve) => setImmediate(resolve));
      let count = 0;
      await new Promise<void>((resolve) => {
        server.on('message', () => ++count === 3 && resolve());
      });
      server.removeAllListeners('message');
      server.hold();
    }
    expect(server.listenerCount('close')).toBe(before);
  });

  it('does not give up on a bot that listens in time', async () => {
    useFakeTimeouts();
    try {
      const { client, server } = await pair();
      let unheard = 0;
      server.on(UNHEARD, () => unheard++);
      for (let i = 0; i < 3; i++) client.send(Buffer.alloc(40_000, i));
      while (!server.isPaused) await new Promise((resolve) => setImmediate(resolve));
      const all = counted(server, 3);
      await all;
      jest.advanceTimersByTime(60_000);
      expect(unheard).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('pauses again, and drops nothing, once somebody listened who was late', async () => {
    useFakeTimeouts();
    try {
      const { client, server } = await pair();
      const unheard = once(server, UNHEARD);
      for (let i = 0; i < 3; i++) client.send(Buffer.alloc(40_000, i));
      while (!server.isPaused) await new Promise((resolve) => setImmediate(resolve));
      jest.advanceTimersByTime(10_000);
      await unheard;
      await settled(client);
      await counted(server, 1);
      server.removeAllListeners('message');
      server.hold();
      for (let i = 0; i < 3; i++) client.send(Buffer.alloc(40_000, i));
      while (!server.isPaused) await new Promise((resolve) => setImmediate(resolve));
      expect(await counted(server, 3)).toEqual([0, 1, 2]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('counts what it is given to read again', async () => {
    const { client, server } = await pair();
    server.hold([[Buffer.alloc(60_000), true]]);
    client.send(Buffer.alloc(10_000));
    while (!server.isPaused) await new Promise((resolve) => setImmediate(resolve));
  });

  it('counts no longer what was read', async () => {
    const { client, server } = await pair();
    for (let i = 0; i < 4; i++) {
      client.send(Buffer.alloc(40_000, i));
      await settled(client);
      expect(server.isPaused).toBe(false);
      const [data] = (await once(server, 'message')) as [Buffer];
      expect(data[0]).toBe(i);
    }
  });

  it('stops reading for messages that are empty, too', async () => {
    const { server, tcp } = await rawPair();
    tcp.write(EMPTY_MESSAGES(100_000));
    while (!server.isPaused) await new Promise((resolve) => setImmediate(resolve));
    let inOneGo = 0;
    server.on('message', () => inOneGo++);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(inOneGo).toBeGreaterThan(200);
    // The rest of the chunk of 64 KiB in which it was full is kept, too.
    expect(inOneGo).toBeLessThan(24_000);
    tcp.destroy();
  });

  it.each(['arraybuffer', 'fragments'] as const)(
    'counts messages in the form of %s',
    async (type) => {
      const { client, server } = await pair();
      server.binaryType = type;
      for (let i = 0; i < 10; i++) client.send(Buffer.alloc(10_000));
      while (!server.isPaused) await new Promise((resolve) => setImmediate(resolve));
      let count = 0;
      await new Promise<void>((resolve) => server.on('message', () => ++count === 10 && resolve()));
      expect(server.isPaused).toBe(false);
    },
  );

  it('keeps no more of what was read than the messages themselves', async () => {
    const { server, tcp } = await rawPair();
    const pong = Buffer.concat([Buffer.from([0x8a, 0x80 + 125, 0, 0, 0, 0]), Buffer.alloc(125)]);
    const ponged = once(server, 'pong');
    tcp.write(
      Buffer.concat([Buffer.from([0x82, 0x81, 0, 0, 0, 0, 7]), ...Array<Buffer>(400).fill(pong)]),
    );
    await ponged;
    const [data] = (await once(server, 'message')) as [Buffer];
    expect([...data]).toEqual([7]);
    expect(data.buffer.byteLength).toBeLessThanOrEqual(Buffer.poolSize);
    tcp.destroy();
  });

  it('is not read on for frames that nobody will hear, once this side has closed it', async () => {
    const { server, tcp } = await rawPair();
    server.close(1000);
    // As when the application closes: the answer of the peer must be read.
    server.resume();
    tcp.write(EMPTY_MESSAGES(100_000));
    tcp.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
    await once(server, 'close');
    let left = 0;
    server.on('message', () => left++);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(left).toBeLessThan(12_000);
  });

  it('reads on after a while, without the oldest, and so notices that its peer left', async () => {
    useFakeTimeouts();
    try {
      const { client, server } = await pair();
      let unheard = 0;
      server.on(UNHEARD, () => unheard++);
      const closed = once(server, 'close');
      for (let i = 0; i < 100; i++) client.send(Buffer.alloc(40_000, i));
      client.close(1000);
      while (!server.isPaused) await new Promise((resolve) => setImmediate(resolve));
      jest.advanceTimersByTime(10_000);
      await closed;
      expect(unheard).toBe(1);
      const [oldest] = (await once(server, 'message')) as [Buffer];
      expect([oldest.length, oldest[0]]).toEqual([40_000, 99]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('notices that its peer left, although nobody listens', async () => {
    const { client, server } = await pair();
    client.send('unheard');
    client.terminate();
    await once(server, 'close');
    const [data] = (await once(server, 'message')) as [Buffer];
    expect(data.toString()).toBe('unheard');
  });
});

/** A protocol whose every text is taken, and which asks for the end with `bye`. */
function responder(taken: string[]): SocketResponder {
  return {
    first: 'hello',
    receive: (data) => ({ isTaken: taken.push(data.toString()) > 0 }),
    send: (text) => text,
    end: () => 'bye',
  };
}

describe('a socket whose control messages are answered', () => {
  it('leaves media to the bot', async () => {
    const { client, server } = await pair();
    const taken: string[] = [];
    server.respond(responder(taken));
    client.send('control');
    client.send(Buffer.from('media'));
    const [data, isBinary] = (await once(server, 'message')) as [Buffer, boolean];
    expect([taken, data.toString(), isBinary]).toEqual([['control'], 'media', true]);
  });

  it.each<[string, Partial<SocketResponder>, (server: RunnerWebSocket) => void]>([
    ['receive', { receive: () => undefined as never }, () => undefined],
    ['send', { send: () => JSON.parse('{') as never }, (server) => server.send('{}')],
    ['end', { end: () => JSON.parse('{') as never }, (server) => server.hangUp()],
  ])('names the responder as what threw: %s()', async (method, faulty, use) => {
    const { client, server } = await pair();
    const failures: unknown[] = [];
    server.guard((thrown) => failures.push(thrown));
    server.respond({ ...responder([]), ...faulty });
    if (method === 'receive') client.send('{}');
    await settled(client);
    use(server);
    expect(failures.map((thrown) => (thrown as Error).message)).toEqual([
      `The responder threw in ${method}().`,
    ]);
  });

  it('counts what was held before only once', async () => {
    const { client, server } = await pair();
    for (let i = 0; i < 2; i++) client.send(Buffer.alloc(30_000, i));
    await settled(client);
    server.respond(responder([]));
    expect(await counted(server, 2)).toEqual([0, 1]);
  });

  it('keeps a message that is larger than the limit, when it is the only one', async () => {
    const { client, server } = await pair();
    server.respond(responder([]));
    client.send(Buffer.alloc(100_000, 7));
    await settled(client);
    expect(await counted(server, 1)).toEqual([7]);
  });
});

describe('a peer that is asked to close the connection itself', () => {
  it('may do so however often the bot closes it meanwhile, and no timer is left', async () => {
    useFakeTimeouts();
    try {
      const { client, server } = await pair();
      let asked = 0;
      server.closeAfter(() => asked++, 5_000);
      server.close(1000);
      server.close(1000);
      const [closed, left] = [once(server, 'close'), once(client, 'close')];
      await settled(client);
      client.close(4001);
      expect([(await closed)[0], (await left)[0], asked]).toEqual([4001, 4001, 1]);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('is closed when it has not done so in time', async () => {
    useFakeTimeouts();
    try {
      const { client, server } = await pair();
      server.closeAfter(() => undefined, 5_000);
      const left = once(client, 'close');
      server.close(4002);
      await settled(client);
      jest.advanceTimersByTime(5_000);
      expect((await left)[0]).toBe(4002);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('a socket that is flooded', () => {
  /** The most messages that came between two turns of the event loop, of as many empty ones as a connection takes at once. */
  async function mostInATurn(server: RunnerWebSocket, tcp: Socket, count: number): Promise<number> {
    let inTurn = 0;
    let most = 0;
    let left = count;
    const all = new Promise<void>((resolve) => {
      server.on('message', () => {
        most = Math.max(most, ++inTurn);
        if (--left === 0) resolve();
      });
    });
    const turn = (): void => {
      inTurn = 0;
      if (left > 0) setImmediate(turn);
    };
    turn();
    tcp.write(EMPTY_MESSAGES(count));
    await all;
    return most;
  }

  it('lets the event loop have a turn after a hundred messages', async () => {
    const { server, tcp } = await rawPair();
    expect(await mostInATurn(server, tcp, 200_000)).toBeLessThanOrEqual(200);
    tcp.destroy();
  });

  it('lets the event loop have a turn after ten milliseconds of its listeners', async () => {
    const { server, tcp } = await rawPair();
    server.on('message', () => {
      for (const endMs = performance.now() + 2; performance.now() < endMs;);
    });
    expect(await mostInATurn(server, tcp, 100)).toBeLessThanOrEqual(12);
    tcp.destroy();
  });

  it('lets the event loop have a turn after a hundred pings', async () => {
    const { server, tcp } = await rawPair();
    let inTurn = 0;
    let most = 0;
    server.on('ping', () => (most = Math.max(most, ++inTurn)));
    let open = true;
    const turn = (): void => {
      inTurn = 0;
      if (open) setImmediate(turn);
    };
    turn();
    tcp.write(Buffer.concat(Array<Buffer>(20_000).fill(Buffer.from([0x89, 0x80, 0, 0, 0, 0]))));
    tcp.write(Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
    await once(server, 'close');
    open = false;
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(200);
  });

  it('stays paused when whoever has it pauses it meanwhile', async () => {
    const { server, tcp } = await rawPair();
    let count = 0;
    const paused = new Promise<void>((resolve) => {
      server.on('message', () => {
        if (++count === 5_000) {
          server.pause();
          resolve();
        }
      });
    });
    tcp.write(EMPTY_MESSAGES(200_000));
    await paused;
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(server.isPaused).toBe(true);
    const seen = once(server, 'message');
    server.resume();
    await seen;
    tcp.destroy();
  });
});

describe('a message in pieces', () => {
  it.each([
    ['empty pieces', Buffer.from([0x00, 0x80, 0, 0, 0, 0])],
    ['pieces of a byte', Buffer.from([0x00, 0x81, 0, 0, 0, 0, 7])],
  ])('is refused when it has no end of %s', async (_, piece) => {
    const { server, tcp } = await rawPair();
    const failed = new Promise<Error>((resolve) => server.once('error', resolve));
    tcp.write(Buffer.from([0x02, 0x80, 0, 0, 0, 0]));
    tcp.write(Buffer.concat(Array<Buffer>(5_000).fill(piece)));
    expect((await failed).message).toBe('Too many message fragments');
    tcp.destroy();
  });
});

describe('closedHere', () => {
  it.each([true, false])('tells who closed first: this side %s', async (here) => {
    const { client, server } = await pair();
    const closed = once(server, 'close');
    (here ? server : client).close(1000);
    await closed;
    expect(server.closedHere).toBe(here);
  });

  it('is false for a peer that vanished, and one that closes without a code', async () => {
    for (const leave of ['terminate', 'close'] as const) {
      const { client, server } = await pair();
      const closed = once(server, 'close');
      client[leave]();
      await closed;
      expect(server.closedHere).toBe(false);
    }
  });

  it('is true for one that this side cut', async () => {
    const { server } = await pair();
    const closed = once(server, 'close');
    server.terminate();
    await closed;
    expect(server.closedHere).toBe(true);
  });
});

describe('a peer that pings and does not read', () => {
  it('is cut off before its answers fill the memory', async () => {
    const connection = once(sockets, 'connection');
    const tcp = connect((http.address() as AddressInfo).port, '127.0.0.1').on(
      'error',
      () => undefined,
    );
    tcp.write(UPGRADE('/ws'));
    const [server] = (await connection) as [RunnerWebSocket];
    const closed = once(server, 'close');
    const ping = Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125)]);
    const many = Buffer.concat(Array<Buffer>(1_000).fill(ping));
    let most = 0;
    server.on('ping', () => (most = Math.max(most, server.bufferedAmount)));
    const write = (): void => {
      if (server.readyState === WebSocket.OPEN) tcp.write(many, write);
    };
    write();
    await closed;
    expect(most).toBeLessThan(4_000_000);
    expect(server.closedHere).toBe(false);
  });
});

describe('UpgradeRouter', () => {
  it('does not wait for a peer that it refused to go', async () => {
    const connection = once(http, 'connection');
    const { port } = http.address() as AddressInfo;
    const tcp = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    tcp.write(UPGRADE('/elsewhere'));
    const [socket] = (await connection) as [Socket];
    const closed = once(socket, 'close');
    const [answer] = (await once(tcp, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 404 .*There is no WebSocket at this path/s);
    await closed;
    tcp.destroy();
  });
});

describe('RawSocketServer', () => {
  it('cuts off a peer that does not answer its close frame', async () => {
    const { client, server } = await pair();
    client.pause();
    const closed = once(server, 'close');
    await sockets.close();
    await closed;
    client.terminate();
  });
});
