// CPU and memory of OpenAI's agents on phone calls beside the library alone, in one run: `node bench/openai-agents.js [sessions] [seconds]`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';

const [sessions = 20, seconds = 10] = process.argv.slice(2).map(Number);
const FRAME = Buffer.alloc(160, 0x7f).toString('base64');
const SECOND = Buffer.alloc(48_000, 3).toString('base64');

/** A model that speaks all the time, a second at once. */
async function startModel() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  let ids = 0;
  server.on('connection', (socket) => {
    const send = (type, event) => {
      socket.send(JSON.stringify({ type, event_id: `event_${++ids}`, ...event }));
    };
    const session = { type: 'realtime' };
    send('session.created', { session });
    socket.on('message', (data) => {
      if (data.includes('"session.update"')) send('session.updated', { session });
    });
    const speak = setInterval(() => {
      const at = { response_id: `resp_${++ids}`, item_id: `item_${ids}`, output_index: 0 };
      send('response.created', { response: { id: at.response_id } });
      const part = { ...at, content_index: 0 };
      send('response.output_audio_transcript.delta', { ...part, delta: 'A second of words.' });
      send('response.output_audio.delta', { ...part, delta: SECOND });
      send('response.output_audio.done', part);
      send('response.done', { response: { id: at.response_id, output: [] } });
    }, 1_000);
    socket.on('close', () => clearInterval(speak));
  });
  await once(server, 'listening');
  return server;
}

/** Speaks at the pace of speech, until it is stopped. */
function speakTo(send) {
  const fromMs = performance.now();
  let frames = 0;
  const timer = setInterval(() => {
    while (fromMs + frames * 20 < performance.now()) send(frames++);
  }, 20);
  return () => clearInterval(timer);
}

async function callers(port) {
  const sockets = Array.from(
    { length: sessions },
    () => new WebSocket(`ws://127.0.0.1:${port}/ws`),
  );
  let heard = 0;
  for (const [i, socket] of sockets.entries()) {
    await once(socket, 'open');
    const start = { streamSid: `MZ${i}`, callSid: `CA${i}`, customParameters: {} };
    socket.send(JSON.stringify({ event: 'connected', protocol: 'Call' }));
    socket.send(JSON.stringify({ event: 'start', streamSid: `MZ${i}`, start }));
    socket.on('message', (data) => {
      const message = JSON.parse(data);
      if (message.event === 'media') heard++;
      if (message.event === 'mark') setTimeout(() => socket.send(JSON.stringify(message)), 100);
    });
  }
  const stop = speakTo((at) => {
    const media = { track: 'inbound', chunk: `${at}`, timestamp: `${at * 20}`, payload: FRAME };
    for (const [i, socket] of sockets.entries())
      socket.send(JSON.stringify({ event: 'media', streamSid: `MZ${i}`, media }));
  });
  return () => {
    stop();
    for (const socket of sockets) socket.terminate();
    // All the time, in frames of 20 ms.
    if (heard < sessions * seconds * 45) throw new Error('the callers did not hear the agents');
  };
}

async function measure(way, url) {
  const child = fork(new URL(import.meta.url), [String(sessions), String(seconds)], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, MODEL_URL: url, WAY: way },
  });
  const tell = async (what) => {
    child.send(what);
    const [answer] = await once(child, 'message');
    return answer;
  };
  const [{ port }] = await once(child, 'message');
  const before = await tell('usage');
  const hangUp = way === 'the library alone' ? undefined : await callers(port);
  if (!hangUp) await tell('begin');
  await sleep(2_000);
  const from = await tell('usage');
  await sleep(seconds * 1_000);
  const to = await tell('usage');
  hangUp?.();
  child.kill();
  return {
    way,
    'CPU % of a core, a session': +((to.cpuMs - from.cpuMs) / seconds / 10 / sessions).toFixed(2),
    'MB a session': +((to.rssMb - before.rssMb) / sessions).toFixed(1),
  };
}

/** The process that is measured. */
async function host() {
  const { RealtimeAgent, RealtimeSession } = await import('@openai/agents-realtime');
  const { MODEL_URL: url, WAY: way } = process.env;
  const connect = { apiKey: 'key', url };
  const agent = new RealtimeAgent({ name: 'Ada', instructions: 'Be brief.' });
  let port;
  if (way !== 'the library alone') {
    await import('reflect-metadata');
    const { NestFactory } = await import('@nestjs/core');
    const { BotLauncher, RunnerModule, TelephonyModule } = await import('nestjs-pipecat-runner');
    const { realtimeSession } = await import('nestjs-pipecat-runner/agents');
    class Bot extends BotLauncher {
      async launch(args, session) {
        const create = (transport) => new RealtimeSession(agent, { transport });
        const { ended } = await realtimeSession(args, create, { connect, session });
        session.ready();
        await ended;
      }
    }
    const transports = [TelephonyModule.forRoot()];
    const module = RunnerModule.forRoot({ launcher: Bot, transports });
    const app = await NestFactory.create(module, { logger: ['error'] });
    await app.listen(0, '127.0.0.1');
    port = app.getHttpServer().address().port;
  }
  process.on('message', async (what) => {
    if (what === 'begin') {
      const all = Array.from({ length: sessions }, () => new RealtimeSession(agent));
      await Promise.all(all.map((realtime) => realtime.connect(connect)));
      const pcm = new ArrayBuffer(960);
      speakTo(() => all.forEach((realtime) => realtime.sendAudio(pcm)));
    }
    globalThis.gc();
    const { user, system } = process.cpuUsage();
    process.send({ cpuMs: (user + system) / 1_000, rssMb: process.memoryUsage().rss / 2 ** 20 });
  });
  process.send({ port });
}

if (process.env.WAY) await host();
else {
  const model = await startModel();
  const url = `ws://127.0.0.1:${model.address().port}`;
  const rows = [];
  for (const way of ['the library alone', 'on phone calls']) rows.push(await measure(way, url));
  console.table(rows);
  for (const socket of model.clients) socket.terminate();
  model.close();
}
