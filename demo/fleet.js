// Three standalone runners as one, behind a random balancer: calls go on, move and get lost while one runner is killed and one is shut down.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import nodeDataChannel from 'node-datachannel';
import { freePort } from '../test/support/free-port.js';
import { TOOLS } from '../test/support/tools.js';
import { Balancer } from './balancer.js';
import { announce, connect } from './fleet-calls.js';

const TRANSPORTS = ['websocket', 'twilio', 'webrtc'];
/** Calls of each transport: those that talk, and those that are announced and come later. */
const TALKING = 5;
const WAITING = 3;
const DRAIN_SECONDS = 8;
/** Silence after which a runner counts as dead, and how long it may take until its calls are reported. */
const LEASE_SECONDS = 2;
const REPORTED_MS = LEASE_SECONDS * 1_000 * 4 + 4_000;

const redisServer = TOOLS['redis-server'].find();
if (!redisServer) {
  console.error(
    'redis-server is not installed: npm run test:setup, or apt-get install redis-server',
  );
  process.exit(1);
}
const startedMs = performance.now();
const say = (text) =>
  console.log(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(5)} s  ${text}`);

const folder = mkdtempSync(join(tmpdir(), 'fleet-demo-'));
const redisPort = await freePort();
const children = [];
const run = (program, args, env = {}) => {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: folder,
    env: { ...process.env, ...env },
  });
  children.push(child);
  return child;
};
const rows = [];
let unexpected = 0;
let balancer;
try {
  await demonstrate();
} finally {
  await balancer?.stop();
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  await Promise.all(
    children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')),
  );
  nodeDataChannel.cleanup();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(unexpected > 0 ? 1 : 0);

async function demonstrate() {
  run(redisServer, ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '']);
  const secret = randomBytes(32).toString('hex');
  const nodes = await Promise.all(['A', 'B', 'C'].map((name) => startNode(name, secret)));
  const [killed, drained, kept] = nodes;
  balancer = await Balancer.start(nodes);
  say(`Redis, three runners and a balancer at ${balancer.url} are there.`);

  const talking = await comeAll(kinds(TALKING, TRANSPORTS));
  const waiting = await Promise.all(
    kinds(WAITING, ['websocket', 'twilio']).map((one) => announce(balancer, one.transport)),
  );
  say(`${talking.length} calls talk, and ${waiting.length} are announced.`);

  killed.child.kill('SIGKILL');
  drained.child.kill('SIGTERM');
  const drainedAtMs = performance.now();
  say(`Runner A is killed (SIGKILL), runner B shuts down within ${DRAIN_SECONDS} s (SIGTERM).`);
  // The time in which a balancer notices; those that come to B meanwhile are told to come again.
  await sleep(1_000);
  const late = await comeAll([...waiting, ...kinds(1, TRANSPORTS)]);
  say(`${late.length} more have come, ${waiting.length} of which were announced before.`);
  const heard = await Promise.allSettled(talking.map((call) => call.talk()));
  for (const [at, call] of talking.entries()) {
    const hears = heard[at].status === 'fulfilled';
    note(call, hears ? 'went on after it' : 'cut off by it', hears === (call.servedOn !== 'A'));
  }
  for (const call of late) {
    const isAnnounced = waiting.some(({ sessionId }) => sessionId === call.sessionId);
    note(call, isAnnounced ? 'came after it' : 'came new after it', call.servedOn === 'C');
  }
  // Two of B's callers stay beyond what B grants, all others hang up.
  const stay = talking.filter(({ servedOn }) => servedOn === 'B').slice(0, 2);
  const leaving = [...talking, ...late].filter(
    (call) => !stay.includes(call) && call.servedOn !== 'A',
  );
  await Promise.all(leaving.map((call) => call.leave()));
  say(`${leaving.length} callers have hung up, ${stay.length} of B's stay.`);
  const [code] = await once(drained.child, 'exit');
  const took = (performance.now() - drainedAtMs) / 1_000;
  say(`Runner B has left after ${took.toFixed(1)} s with exit code ${code}.`);
  if (code !== 0) unexpected++;

  await Promise.all(
    rows.map(async ({ call, row, ok }) => {
      row.end = await endOf(kept, call.sessionId);
      const expected =
        call.servedOn === 'A' ? 'lost' : stay.includes(call) ? 'draining' : 'peer_left';
      row.expected = ok && row.end === expected ? 'yes' : `NO: ${expected}`;
      if (row.expected !== 'yes') unexpected++;
    }),
  );
  await Promise.all(stay.map((call) => call.leave().catch(() => undefined)));
  for (const call of talking.filter(({ servedOn }) => servedOn === 'A')) {
    await call.leave().catch(() => undefined);
  }
  console.table(rows.map(({ row }) => row));
  const ends = rows.map(({ row }) => row.end);
  const count = (end) => ends.filter((one) => one === end).length;
  say(
    `${rows.length} calls: ${count('peer_left')} ended by their callers, ${count('draining')} when B had waited long enough, ${count('lost')} lost with A; ${rows.filter(({ call }) => call.openedOn !== call.servedOn).length} were served by another runner than the one that announced them.`,
  );
  say(unexpected > 0 ? `${unexpected} unexpected.` : 'Nothing unexpected.');
}

function kinds(count, transports) {
  return transports.flatMap((transport) => Array(count).fill({ transport }));
}

/** Has callers come, one after the other. @param calls announced ones, and those that are announced first */
async function comeAll(calls) {
  const connected = [];
  for (const call of calls) {
    const announced = call.sessionId ? call : await announce(balancer, call.transport);
    connected.push(await connect(balancer, announced));
  }
  return connected;
}

function note(call, happened, ok) {
  const { transport, openedOn, servedOn } = call;
  const row = { transport, 'announced on': openedOn, 'served by': servedOn, happened };
  rows.push({ call, row, ok });
}

async function startNode(name, secret) {
  const port = await freePort();
  const main = new URL('../dist/main.js', import.meta.url).pathname;
  const child = run(
    process.execPath,
    [
      ...[main, '--host', '127.0.0.1', '--port', String(port), '--ws-auth', 'token'],
      ...['--fleet-lease', String(LEASE_SECONDS), '--drain-timeout', String(DRAIN_SECONDS)],
    ],
    { PIPECAT_FLEET: `redis://127.0.0.1:${redisPort}`, PIPECAT_FLEET_SECRET: secret },
  );
  child.stdout.resume();
  while (!(await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.ok) {
    if (child.exitCode !== null) throw new Error(`runner ${name} did not start`);
    await sleep(50);
  }
  return { name, port, child };
}

/** Returns how a session has ended, as the fleet tells it. */
async function endOf({ port }, sessionId) {
  const untilMs = performance.now() + REPORTED_MS;
  for (;;) {
    const one = await (await fetch(`http://127.0.0.1:${port}/sessions/${sessionId}`)).json();
    if (one.endReason || performance.now() > untilMs)
      return one.endReason ?? one.state ?? 'unknown';
    await sleep(100);
  }
}
