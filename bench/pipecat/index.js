// Pipecat's own runner as a measured server, and its comparisons. Used by ../index.js.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { freePort } from '../../test/support/free-port.js';
import { load } from '../media.js';

const CALLS = 50;
/** Units of /proc: CPU time in ticks of 10 ms, memory in pages. */
const TICK_US = 10_000;
const PAGE_BYTES = 4_096;

/** @param python interpreter with `pipecat-ai[runner,websocket]` */
export async function startPipecat(python) {
  const port = await freePort();
  const bot = new URL('bot.py', import.meta.url).pathname;
  const child = spawn(python, [bot, '--host', '127.0.0.1', '--port', String(port)], {
    // Pipecat's log is discarded.
    stdio: 'ignore',
    env: { ...process.env, TWILIO_ACCOUNT_SID: 'AC1', TWILIO_AUTH_TOKEN: 'token' },
  });
  process.once('exit', () => child.kill());
  await Promise.race([
    listening(port),
    once(child, 'exit').then(([code]) => {
      throw new Error(`Pipecat's runner ended with ${code}; does ${python} have pipecat-ai?`);
    }),
  ]);
  return { port, ask: async () => usageOf(child.pid), stop: () => child.kill() };
}

/** Cost of phone calls through the echo bots. Latency is not comparable, because Pipecat sends audio in frames of 40 ms. */
export async function callsAgainstPipecat(servers) {
  const cpu = {};
  for (const name of ['runner-media', 'pipecat']) {
    const ask = (_name, question) => servers[name].ask(question);
    const { cpu: all } = await load({ name, port: servers[name].port }, '/ws', CALLS, ask);
    cpu[name] = all / CALLS;
  }
  const percent = (share) => `${(share * 100).toFixed(2)} %`;
  return {
    [`CPU of one core a Twilio call, of ${CALLS}`]: {
      'runner / pipecat': `${percent(cpu['runner-media'])} / ${percent(cpu.pipecat)}`,
      ratio: `${(cpu.pipecat / cpu['runner-media']).toFixed(2)}×`,
    },
  };
}

function usageOf(pid) {
  // After the command name, which may contain spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]);
  return {
    cpuUs: (Number(fields[11]) + Number(fields[12])) * TICK_US,
    rssBytes: pages * PAGE_BYTES,
  };
}

export async function listening(port) {
  for (;;) {
    const socket = new Socket().connect(port, '127.0.0.1');
    const open = await new Promise((resolve) =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    );
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
