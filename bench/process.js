// Cost of a separate process for a bot: start time, memory, and latency of the message relay.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

const ROUNDS = 3;
const MESSAGES = 2_000;

/** @param frame a caller's frame of 20 ms @param pid process id of the runner with bots in processes */
export async function isolation(inside, outside, frame, pid) {
  const roundTrips = { inside: [], outside: [] };
  const starts = { inside: [], cold: [], warm: [] };
  let bytes;
  for (let round = -1; round < ROUNDS; round++) {
    const here = await talk(inside.port, frame);
    // A warm pool of one: warm for the first call, cold for the second.
    const warm = await talk(outside.port, frame, 0);
    const cold = await talk(outside.port, frame, 0);
    await sleep(3_000);
    const there = await talk(outside.port, frame, MESSAGES, () => (bytes = residentOf(pid)));
    if (round < 0) continue;
    roundTrips.inside.push(...here.roundTripsMs);
    roundTrips.outside.push(...there.roundTripsMs);
    starts.inside.push(here.startMs);
    starts.warm.push(warm.startMs);
    starts.cold.push(cold.startMs);
  }
  const ms = (value) => `${value.toFixed(2)} ms`;
  const row = (a, b) => ({ inside: ms(a), outside: ms(b), added: ms(b - a) });
  const { inside: near, outside: far } = roundTrips;
  return {
    'one frame there and back, p50': row(quantile(near, 0.5), quantile(far, 0.5)),
    'one frame there and back, p99': row(quantile(near, 0.99), quantile(far, 0.99)),
    'connect to first answer, warm': row(quantile(starts.inside, 0.5), quantile(starts.warm, 0.5)),
    'connect to first answer, cold': row(quantile(starts.inside, 0.5), quantile(starts.cold, 0.5)),
    'memory of a bot, resident': { inside: '', outside: `${(bytes / 1_048_576).toFixed(0)} MB` },
  };
}

/** Measures one call: the first message, then one after the other. */
async function talk(port, frame, count = MESSAGES, whileOpen = () => undefined) {
  const before = performance.now();
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws-client`, { perMessageDeflate: false });
  await once(socket, 'open');
  const ask = async () => {
    const sentAt = performance.now();
    socket.send(frame);
    await once(socket, 'message');
    return performance.now() - sentAt;
  };
  await ask();
  const startMs = performance.now() - before;
  // Time for the pool to refill.
  if (count > 0) await sleep(3_000);
  const roundTripsMs = [];
  for (let i = 0; i < count; i++) roundTripsMs.push(await ask());
  whileOpen();
  socket.close();
  await once(socket, 'close');
  return { startMs, roundTripsMs };
}

/** Returns the memory of the largest child process, which runs the session. */
function residentOf(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  const resident = children.map((child) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child}/status`, 'utf8'))?.[1]),
  );
  return Math.max(...resident) * 1_024;
}

function quantile(values, q) {
  return values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];
}
