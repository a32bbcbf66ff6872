import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { connectClient } from '../../src/testing/index.js';
import { shareOf } from '../support/matrix.js';
import { PLATFORMS, post } from '../support/runner-app.js';
import { spawnHost } from '../support/spawn-host.js';

jest.setTimeout(300_000);

/** Files that this process and the runner need beside the connections. */
const OTHER_DESCRIPTORS = 600;
const DESCRIPTORS = Number(
  /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))![1],
);
/** Connections of each kind: ten thousand, where the system has so many descriptors (`ulimit -n 20600`). */
const COUNT = Math.min(10_000, Math.floor((DESCRIPTORS - OTHER_DESCRIPTORS) / 2));
/** Connections that are opened at a time: no more than wait to be accepted. */
const AT_A_TIME = 200;
/** Descriptors that come and go beside them, such as connections of `fetch`. */
const SPARE = 20;
/** A close frame without mask, of a close code and its reason. */
const CLOSE = 0x88;

interface Held {
  readonly sessions: number;
  readonly descriptors: number;
}

let child: ChildProcess;
let port: number;
let sockets: Socket[] = [];

async function start(platform: string): Promise<void> {
  ({ child, port } = await spawnHost(new URL('idle-host.js', import.meta.url), {
    platform,
    handshakeTimeoutMs: 10_000,
  }));
}
beforeEach(() => void (sockets = []));
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  child.kill('SIGKILL');
  await once(child, 'exit');
});

async function held(): Promise<Held> {
  child.send('held');
  const [answer] = (await once(child, 'message')) as [Held];
  return answer;
}

/** Waits until what is held meets a condition; the time-out of the test bounds it. */
async function heldOnce(meets: (now: Held) => boolean): Promise<Held> {
  for (;;) {
    const now = await held();
    if (meets(now)) return now;
    await sleep(100);
  }
}

/** Opens connections, each of which sends a text. @param opened resolves when a connection has got as far as it should */
async function open(text: (i: number) => string, opened: (socket: Socket) => Promise<unknown>) {
  const all: Socket[] = [];
  for (let i = 0; i < COUNT; i += AT_A_TIME) {
    const some = Array.from({ length: Math.min(AT_A_TIME, COUNT - i) }, (_, j) => {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      socket.write(text(i + j));
      return socket;
    });
    await Promise.all(some.map(opened));
    all.push(...some);
  }
  sockets.push(...all);
  return all;
}

const UPGRADE =
  'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';

/** Other people's requests and conversations. */
async function expectService(): Promise<void> {
  const url = `http://127.0.0.1:${port}`;
  expect((await fetch(`${url}/status`)).status).toBe(200);
  const { json } = await post(`${url}/start`, { transport: 'websocket' });
  const client = await connectClient(String(json.wsUrl));
  expect((await client.request('still there?')).data).toMatchObject({ t: 'still there?' });
  await client.leave();
}

/** Ways in which connections are idle. */
const KINDS = ['unfinished', 'silent'] as const;

describe('idle connections', () => {
  it.each(shareOf(PLATFORMS, 'unfinished', KINDS))(
    'by the thousand that began an upgrade and never finish it hold no session and delay nobody, on %s',
    async (platform) => {
      await start(platform);
      await expectService();
      const before = await held();
      // Whole but for its last line, and after fewer bytes, and none.
      const parts = [UPGRADE, UPGRADE.slice(0, 60), 'G', ''];
      await open(
        (i) => parts[i % parts.length]!,
        (socket) => once(socket, 'connect'),
      );
      const { descriptors } = await heldOnce(
        (now) => now.descriptors > before.descriptors + COUNT - SPARE,
      );
      expect(descriptors).toBeLessThan(before.descriptors + COUNT + SPARE);
      await expectService();
      expect(await heldOnce(({ sessions }) => sessions === 0)).toMatchObject({ sessions: 0 });
      for (const socket of sockets) socket.destroy();
      await heldOnce((now) => now.descriptors < before.descriptors + SPARE);
      await expectService();
    },
  );

  it.each(shareOf(PLATFORMS, 'silent', KINDS))(
    'by the thousand that were upgraded and say nothing end after their time, beside those that were not, on %s',
    async (platform) => {
      await start(platform);
      await expectService();
      const before = await held();
      await open(
        () => UPGRADE,
        (socket) => once(socket, 'connect'),
      );
      let closed = 0;
      const silent = await open(
        () => `${UPGRADE}\r\n`,
        async (socket) => {
          const [head] = (await once(socket, 'data')) as [Buffer];
          expect(head.toString()).toMatch(/^HTTP\/1.1 101 /);
          socket.on('data', (data) => {
            if (data[0] === CLOSE && data.readUInt16BE(2) === 1008) closed++;
          });
        },
      );
      await expectService();
      // Each is told, then cut, for it does not answer.
      await Promise.all(silent.map(async (socket) => socket.destroyed || once(socket, 'close')));
      expect(closed).toBe(COUNT);
      await heldOnce(
        (now) => now.sessions === 0 && now.descriptors < before.descriptors + COUNT + SPARE,
      );
      await expectService();
      for (const socket of sockets) socket.destroy();
      await heldOnce((now) => now.descriptors < before.descriptors + SPARE);
    },
  );
});
