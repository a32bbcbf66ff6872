import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type WebSocket from 'ws';
import { FLEET_SECRET } from '../support/fleet-node.js';
import { describeWith } from '../support/needs.js';
import { RedisServer } from '../support/redis-server.js';
import { closeOf, connect, nextText, post } from '../support/runner-app.js';
import { spawnHost } from '../support/spawn-host.js';

jest.setTimeout(120_000);

const HOST = new URL('../support/fleet-host.js', import.meta.url);
const NODES = 3;
/** Starts of clients, in milliseconds between two. */
const EVERY_MS = 60;
/** The longest that clients wait before they connect, and talk. */
const CONNECT_WITHIN_MS = 1_000;
const TALK_MS = 2_500;

interface Node {
  readonly child: ChildProcess;
  readonly port: number;
}

/** Fates of the sessions that were announced. */
class Outcomes {
  served = 0;
  readonly lost: string[] = [];
  readonly cut: string[] = [];
  refused = 0;
}

describeWith('redis-server')('a rollout of a fleet', () => {
  let redis: RedisServer;
  let nodes: Node[];
  const children: ChildProcess[] = [];

  const start = async (runner: object = {}): Promise<Node> => {
    const node = await spawnHost(HOST, {
      ...{ redis: redis.url, secret: FLEET_SECRET, advertiseUrl: 'http://127.0.0.1:3000' },
      ...{ heartbeatMs: 300, leaseMs: 2_000 },
      runner: { maxSessions: 200, drainTimeoutMs: 20_000, ...runner },
    });
    children.push(node.child);
    return node;
  };

  beforeEach(async () => {
    redis = await RedisServer.start();
    nodes = [];
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await redis.stop();
  });

  /** A balancer that knows nothing: any node, also one that has just begun to drain. */
  const pick = (): Node => nodes[Math.floor(Math.random() * nodes.length)]!;

  /** Starts a session at any node that takes it. @returns its token */
  const announce = async (n: number, outcomes: Outcomes): Promise<string> => {
    for (let tries = 0; tries < 50; tries++) {
      try {
        const { status, json } = await post(`http://127.0.0.1:${pick().port}/start`, {
          ...{ transport: 'websocket', body: { n } },
        });
        if (status === 200) return String(json.token);
      } catch {
        // It has just gone.
      }
      await sleep(50);
    }
    outcomes.refused++;
    throw new Error('no node takes a start');
  };

  /** Connects to any node, and to another when that one is going. @returns `undefined` when the session is gone */
  const arrive = async (n: number, token: string): Promise<WebSocket | undefined> => {
    for (let tries = 0; tries < 50; tries++) {
      const url = `ws://127.0.0.1:${pick().port}/ws-client?token=${token}`;
      const socket = await connect(url).catch(() => undefined);
      const first = socket && (await Promise.race([nextText(socket), closeOf(socket)]));
      if (typeof first === 'string') {
        expect(JSON.parse(first)).toEqual({ n });
        return socket;
      }
      if (first && first.code !== 1001 && first.code !== 1013) return undefined;
      await sleep(50);
    }
    return undefined;
  };

  /** A conversation, which the client ends. @returns false when somebody else did */
  const talk = async (socket: WebSocket): Promise<boolean> => {
    const untilMs = performance.now() + 200 + Math.random() * TALK_MS;
    for (let word = 0; performance.now() < untilMs; word++) {
      socket.send(`word ${word}`);
      const heard = await Promise.race([nextText(socket), closeOf(socket)]);
      if (heard !== `word ${word}`) return false;
      await sleep(100);
    }
    socket.close();
    await once(socket, 'close');
    return true;
  };

  const visit = async (n: number, outcomes: Outcomes): Promise<void> => {
    const token = await announce(n, outcomes);
    await sleep(Math.random() * CONNECT_WITHIN_MS);
    const socket = await arrive(n, token);
    if (!socket) outcomes.lost.push(`session ${n}`);
    else if (await talk(socket)) outcomes.served++;
    else outcomes.cut.push(`session ${n}`);
  };

  it('recycles its nodes one after the other, without a call lost', async () => {
    let ends = 0;
    const recycling = { recycleAfterSessions: 20 };
    /** A supervisor: starts another process for one that has ended. */
    const supervise = async (): Promise<void> => {
      const node = await start(recycling);
      nodes.push(node);
      node.child.once('exit', () => {
        nodes.splice(nodes.indexOf(node), 1);
        ends++;
        if (!isOver) starting.push(supervise());
      });
    };
    let isOver = false;
    const starting: Promise<void>[] = [];
    for (let n = 0; n < NODES; n++) await supervise();
    const outcomes = new Outcomes();
    const visits: Promise<void>[] = [];
    const loading = setInterval(() => visits.push(visit(visits.length, outcomes)), EVERY_MS);
    let mostDraining = 0;
    try {
      const begunMs = performance.now();
      while (ends < 2 && performance.now() - begunMs < 50_000) {
        const answer = await fetch(`http://127.0.0.1:${pick().port}/fleet`).catch(() => undefined);
        const fleet = (await answer?.json().catch(() => undefined)) as { nodes?: object[] };
        const drain = fleet?.nodes?.filter((one) => 'state' in one && one.state === 'draining');
        mostDraining = Math.max(mostDraining, drain?.length ?? 0);
        await sleep(50);
      }
    } finally {
      clearInterval(loading);
    }
    await Promise.all(visits);
    isOver = true;
    await Promise.all(starting);
    expect(outcomes).toMatchObject({ lost: [], cut: [], refused: 0, served: visits.length });
    expect(ends).toBeGreaterThanOrEqual(2);
    expect(mostDraining).toBe(1);
  });

  it('loses no announced session, and cuts no conversation', async () => {
    for (let n = 0; n < NODES; n++) nodes.push(await start());
    const outcomes = new Outcomes();
    const visits: Promise<void>[] = [];
    const loading = setInterval(() => visits.push(visit(visits.length, outcomes)), EVERY_MS);
    try {
      await sleep(1_000);
      for (const old of [...nodes]) {
        nodes.push(await start());
        old.child.kill('SIGTERM');
        // A balancer hears of it later.
        await sleep(300);
        nodes.splice(nodes.indexOf(old), 1);
        if (old.child.exitCode === null && old.child.signalCode === null) {
          await once(old.child, 'exit');
        }
        expect([0, 'SIGTERM']).toContain(old.child.exitCode ?? old.child.signalCode);
      }
    } finally {
      clearInterval(loading);
    }
    await Promise.all(visits);
    expect(outcomes).toMatchObject({ lost: [], cut: [], refused: 0, served: visits.length });
    expect(outcomes.served).toBeGreaterThan(50);

    const url = `http://127.0.0.1:${pick().port}`;
    const ask = async (path: string) => (await (await fetch(`${url}${path}`)).json()) as object;
    let left: unknown;
    const ready = { nodes: Array(NODES).fill({ state: 'ready' }), totals: { sessions: 0 } };
    for (let tries = 0; tries < 100; tries++) {
      left = await ask('/fleet');
      try {
        expect(left).toMatchObject(ready);
        break;
      } catch {
        await sleep(100);
      }
    }
    expect(left).toMatchObject(ready);
    const { sessions, total_count: count } = (await ask('/sessions?limit=100')) as {
      total_count: number;
      sessions: { endReason: string }[];
    };
    expect(count).toBe(visits.length);
    expect([...new Set(sessions.map(({ endReason }) => endReason))]).toEqual(['peer_left']);
  });
});
