// A Python bot over SmallWebRTC: under this runner, where its connection lives in the bot's own process, and under Pipecat's own. Used by index.js.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import nodeDataChannel from 'node-datachannel';
import { freePort } from '../test/support/free-port.js';
import { listening } from './pipecat/index.js';
import { Client } from './webrtc.js';

const ROUNDS = 5;
const CONNECTIONS = 5;
/** Wait for a warm process, or for the end of a bot, in milliseconds. */
const SETTLE_MS = 5_000;
const BOT = new URL('pipecat/webrtc_bot.py', import.meta.url).pathname;
const MAIN = new URL('../dist/main.js', import.meta.url).pathname;

/** @param python interpreter with `pipecat-ai[runner,webrtc]` */
export async function pythonWebrtc(python = 'python3') {
  const env = { ...process.env, PATH: `${dirname(python)}:${process.env.PATH}` };
  const ours = await start(process.execPath, [MAIN, '--bot', BOT], env);
  const theirs = await start(python, [BOT], env);
  const rows = { warm: [], cold: [], pipecat: [] };
  try {
    // The first round is a warm-up.
    for (let i = 0; i <= ROUNDS; i++) {
      await sleep(SETTLE_MS);
      const pipecat = await talk(theirs.port);
      const warm = await talk(ours.port);
      // The process that waits next is still loading.
      const cold = await talk(ours.port);
      if (i > 0) {
        rows.pipecat.push(pipecat);
        rows.warm.push(warm);
        rows.cold.push(cold);
      }
    }
    const ms = (name, key) => median(rows[name].map((one) => one[key]));
    const compared = (key) => ({
      warm: `${ms('warm', key).toFixed(0)} ms`,
      cold: `${ms('cold', key).toFixed(0)} ms`,
      pipecat: `${ms('pipecat', key).toFixed(0)} ms`,
      'warm / pipecat': `${(ms('warm', key) / ms('pipecat', key)).toFixed(2)}×`,
    });
    return {
      'offer → answer, p50': compared('answerMs'),
      'offer → first echo, p50': compared('heardMs'),
      [`memory a bot, of ${CONNECTIONS}`]: {
        warm: await memory(ours),
        pipecat: await memory(theirs),
      },
    };
  } finally {
    for (const { child } of [ours, theirs]) child.kill('SIGKILL');
    nodeDataChannel.cleanup();
  }
}

async function start(command, args, env) {
  const port = await freePort();
  const child = spawn(command, [...args, '--host', '127.0.0.1', '--port', String(port)], {
    stdio: 'ignore',
    env,
  });
  process.once('exit', () => child.kill('SIGKILL'));
  await listening(port);
  return { port, child };
}

/** One conversation: speaks from the first moment on, until the bot is heard. */
async function talk(port) {
  const client = new Client();
  const { startedAt, answerMs } = await client.connect(port);
  client.loud = true;
  client.speak();
  await client.untilLoud();
  const heardMs = client.lastLoudMs - startedAt;
  await client.leave();
  return { answerMs, heardMs };
}

/** Proportional memory of a server and its processes, for each of some conversations. */
async function memory({ port, child }) {
  await sleep(SETTLE_MS);
  const before = pssOf(child.pid);
  const clients = await Client.speaking(port, CONNECTIONS);
  await sleep(SETTLE_MS);
  const after = pssOf(child.pid);
  await Promise.all(clients.map((client) => client.leave()));
  return `${((after - before) / CONNECTIONS / 1_024).toFixed(0)} MB`;
}

/** In KiB, with all descendants. */
function pssOf(pid) {
  const [, own] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  return children.filter(Boolean).reduce((sum, child) => sum + pssOf(Number(child)), Number(own));
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
