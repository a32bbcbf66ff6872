// What a fleet adds to the calls of one runner: two runners in turn, one alone and one in a fleet on a real Redis. Used by index.js; REDIS_SERVER names
// another server.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { freePort } from '../test/support/free-port.js';
import { RedisServer } from '../test/support/redis-server.js';

/** Each is both runners once; whichever is first changes. */
const PAIRS = 11;
const SOCKETS = 1_500;
const AT_ONCE = 16;
const FRAMES = 20_000;
const CALLS = 1_000;
const CALLS_SECONDS = 5;
/** 20 ms of µ-law. */
const FRAME = Buffer.alloc(160, 0x5a);
const ANSWER = FRAME.map((byte) => byte ^ 0xff);

/** @param startServer starts a process of servers.js */
export async function fleetCalls(startServer) {
  const redis = await RedisServer.start('--appendonly', 'yes');
  const runners = [];
  try {
    runners.push(await startServer('runner-alone'));
    runners.push(await startServer('runner-fleet', redis.url, await freePort()));
    const [alone, fleet] = runners;
    return {
      'socket that nobody announced': await compared(alone, fleet, unannounced),
      'announced socket, its POST /start included': await compared(alone, fleet, announced),
      'frame there and back': await compared(alone, fleet, frames),
      [`second of a running call, of ${CALLS}`]: await compared(alone, fleet, running),
    };
  } finally {
    for (const runner of runners) runner.stop();
    await redis.stop();
  }
}

/** CPU of the runner for one of what the load made, of both runners in turn. */
async function compared(alone, fleet, load) {
  const costs = { alone: [], fleet: [] };
  for (let pair = -1; pair < PAIRS; pair++) {
    const both = [
      ['alone', alone],
      ['fleet', fleet],
    ];
    for (const [name, runner] of pair % 2 ? both.reverse() : both) {
      const us = await load(runner);
      // The first pair is a warm-up.
      if (pair >= 0) costs[name].push(us);
    }
  }
  const pairs = (of) => quantiles(costs.fleet.map((us, at) => of(us, costs.alone[at])));
  const ratio = pairs((us, base) => us / base);
  const added = pairs((us, base) => us - base);
  return {
    'alone, µs': quantiles(costs.alone).median.toFixed(1),
    'in a fleet, µs': quantiles(costs.fleet).median.toFixed(1),
    ratio: `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`,
    'added, µs': `${added.median.toFixed(1)} (${added.low.toFixed(1)} to ${added.high.toFixed(1)})`,
  };
}

/** With the third from below and from above of 11, between which the median is in 93 of 100 cases. */
function quantiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { low: sorted[2], median: sorted[sorted.length >> 1], high: sorted[sorted.length - 3] };
}

async function unannounced(runner) {
  return cpuOf(runner, SOCKETS, () =>
    spread(SOCKETS, () => call(`ws://127.0.0.1:${runner.port}/ws-client`)),
  );
}

async function announced(runner) {
  return cpuOf(runner, SOCKETS, () =>
    spread(SOCKETS, async () => {
      const response = await fetch(`http://127.0.0.1:${runner.port}/start`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ transport: 'websocket', body: { topic: 'billing' } }),
      });
      const { wsUrl } = await response.json();
      await call(wsUrl);
    }),
  );
}

async function frames(runner) {
  const sockets = await opened(runner, 8);
  const cost = await cpuOf(runner, FRAMES, () =>
    Promise.all(
      sockets.map(async (socket) => {
        for (let at = 0; at < FRAMES / sockets.length; at++) await answered(socket);
      }),
    ),
  );
  await closed(sockets);
  return cost;
}

/** They say nothing, so that only what the runner does for them of itself is measured, less what it does without any. */
async function running(runner) {
  const second = () => cpuOf(runner, CALLS * CALLS_SECONDS, () => sleep(CALLS_SECONDS * 1_000));
  const idle = await second();
  const sockets = await opened(runner, CALLS);
  await sleep(2_000);
  const cost = await second();
  await closed(sockets);
  return cost - idle;
}

async function cpuOf(runner, count, load) {
  const before = await runner.ask('cpu');
  await load();
  const after = await runner.ask('cpu');
  return (after.cpuUs - before.cpuUs) / count;
}

async function spread(count, one) {
  let left = count;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await one();
    }),
  );
}

async function opened(runner, count) {
  const sockets = [];
  await spread(count, async () =>
    sockets.push(await open(`ws://127.0.0.1:${runner.port}/ws-client`)),
  );
  return sockets;
}

async function open(url) {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
}

/** One call with one frame. */
async function call(url) {
  const socket = await open(url);
  await answered(socket);
  await closed([socket]);
}

async function answered(socket) {
  socket.send(FRAME);
  const [answer] = await once(socket, 'message');
  if (!ANSWER.equals(answer)) throw new Error('the bot did not answer what it was sent');
}

function closed(sockets) {
  return Promise.all(
    sockets.map((socket) => {
      socket.close();
      return once(socket, 'close');
    }),
  );
}
