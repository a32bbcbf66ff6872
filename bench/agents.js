// CPU and memory of agents on phone calls beside their library alone, in one run. Each is measured in a process of its own; the model is in this one.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { placeCall } from 'nestjs-pipecat-runner/testing';
import { WebSocketServer } from 'ws';

const ALONE = 'the library alone';
const CALLS = 'on phone calls';
const FRAME_MS = 20;
/** A second of the models' audio: 16-bit mono at 24 kHz, in base64. */
export const SECOND = Buffer.alloc(48_000, 3).toString('base64');
/** A frame of a caller who says nothing. */
export const SILENCE = new Int16Array(160);
const { MODEL_URL, WAY, SESSIONS } = process.env;

/** Calls `send` at the pace of speech with the number of each frame of 20 ms, until it is stopped. */
export function everyFrame(send) {
  const fromMs = performance.now();
  let frames = 0;
  const timer = setInterval(() => {
    while (fromMs + frames * FRAME_MS < performance.now()) send(frames++);
  }, FRAME_MS);
  return () => clearInterval(timer);
}

/**
 * Starts a model.
 * @param serve has the HTTP server answer, and calls its second argument with each answer
 */
export async function startModelServer(protocol, serve) {
  const server = createServer();
  let answers = 0;
  serve(server, () => answers++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${protocol}://127.0.0.1:${server.address().port}`,
    answers: () => answers,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/**
 * Starts a model that speaks all the time, a second at once.
 * @param begin begins a connection, given its socket, and returns what says the next second
 */
export const startSpeakingModel = (protocol, begin) =>
  startModelServer(protocol, (server, answered) => {
    new WebSocketServer({ server }).on('connection', (socket) => {
      const say = begin(socket);
      const speak = setInterval(() => {
        answered();
        say();
      }, 1_000);
      socket.on('close', () => clearInterval(speak));
    });
  });

/**
 * Compares, with the sessions and seconds of the command line.
 *
 * @param bench `file`: module that calls this, which each measured process runs;
 *   `startModel()`: starts the stand-in, returns `url`, `close()` and the number of `answers()` it has given;
 *   `load(url)`: loads the library, returns `alone(sessions)` and `launch(args, session)`;
 *   `frame(caller, number)`: what a caller says, 160 samples;
 *   `minHeardMs`: the least that a caller has to hear in a second; `seconds`: how long it is measured by default
 */
export async function compareAgents(bench) {
  if (WAY) return serve(await bench.load(MODEL_URL));
  const [sessions = 20, seconds = bench.seconds ?? 10] = process.argv.slice(2).map(Number);
  const model = await bench.startModel();
  const rows = [];
  for (const way of [ALONE, CALLS]) rows.push(await measure(bench, model, way, sessions, seconds));
  console.table(rows);
  model.close();
}

async function measure(bench, model, way, sessions, seconds) {
  const child = fork(new URL(bench.file), {
    execArgv: ['--expose-gc'],
    env: { ...process.env, MODEL_URL: model.url, WAY: way, SESSIONS: String(sessions) },
  });
  const tell = async (what) => {
    child.send(what);
    const [answer] = await once(child, 'message');
    return answer;
  };
  const [{ port }] = await once(child, 'message');
  const before = await tell('usage');
  const calls = way === CALLS ? await callAll(port, sessions, bench.frame) : undefined;
  if (!calls) await tell('begin');
  await sleep(2_000);
  const from = { ...(await tell('usage')), answers: model.answers(), heardMs: calls?.heardMs() };
  await sleep(seconds * 1_000);
  const to = await tell('usage');
  const answers = (model.answers() - from.answers) / sessions;
  const heardMs = calls && (calls.heardMs() - from.heardMs) / sessions / seconds;
  calls?.hangUp();
  child.kill();
  if (heardMs < bench.minHeardMs) throw new Error(`callers heard ${heardMs} ms in a second`);
  return {
    way,
    'CPU % of a core, a session': +((to.cpuMs - from.cpuMs) / seconds / 10 / sessions).toFixed(2),
    'MB a session': +((to.rssMb - before.rssMb) / sessions).toFixed(1),
    'answers a session': +answers.toFixed(1),
  };
}

async function callAll(port, sessions, frame) {
  const calls = await Promise.all(
    Array.from({ length: sessions }, () =>
      placeCall({ carrier: 'twilio', url: `ws://127.0.0.1:${port}/ws` }),
    ),
  );
  let bytes = 0;
  for (const call of calls) call.on('audio', (audio) => (bytes += audio.length));
  const stop = everyFrame((number) => {
    for (const [i, call] of calls.entries()) void call.speak(frame(i, number), { pace: 'asap' });
  });
  return {
    heardMs: () => bytes / 8,
    hangUp: () => {
      stop();
      for (const { socket } of calls) socket.terminate();
    },
  };
}

/** The process that is measured. */
async function serve({ alone, launch }) {
  let port;
  if (WAY === CALLS) {
    await import('reflect-metadata');
    const { NestFactory } = await import('@nestjs/core');
    const { BotLauncher, RunnerModule, TelephonyModule } = await import('nestjs-pipecat-runner');
    class Bot extends BotLauncher {
      launch(args, session) {
        return launch(args, session);
      }
    }
    const transports = [TelephonyModule.forRoot()];
    const module = RunnerModule.forRoot({ launcher: Bot, transports });
    const app = await NestFactory.create(module, { logger: ['error'] });
    await app.listen(0, '127.0.0.1');
    port = app.getHttpServer().address().port;
  }
  process.on('message', async (what) => {
    if (what === 'begin') await alone(Number(SESSIONS));
    globalThis.gc();
    const { user, system } = process.cpuUsage();
    process.send({ cpuMs: (user + system) / 1_000, rssMb: process.memoryUsage().rss / 2 ** 20 });
  });
  process.send({ port });
}
