// CPU and memory of OpenAI's agents: `node bench/openai-agents.js [sessions] [seconds]`.
import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { compareAgents, everyFrame } from './agents.js';

const SECOND = Buffer.alloc(48_000, 3).toString('base64');
const SILENCE = new Int16Array(160);

/** A model that speaks all the time, a second at once. */
async function startModel() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  let ids = 0;
  let answers = 0;
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
      answers++;
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
  return {
    url: `ws://127.0.0.1:${server.address().port}`,
    answers: () => answers,
    close: () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

async function load(url) {
  const { realtimeSession } = await import('nestjs-pipecat-runner/agents');
  const { RealtimeAgent, RealtimeSession } = await import('@openai/agents-realtime');
  const connect = { apiKey: 'key', url };
  const agent = new RealtimeAgent({ name: 'Ada', instructions: 'Be brief.' });
  return {
    async alone(sessions) {
      const all = Array.from({ length: sessions }, () => new RealtimeSession(agent));
      await Promise.all(all.map((realtime) => realtime.connect(connect)));
      const pcm = new ArrayBuffer(960);
      everyFrame(() => all.forEach((realtime) => realtime.sendAudio(pcm)));
    },
    async launch(args, session) {
      const create = (transport) => new RealtimeSession(agent, { transport });
      const { ended } = await realtimeSession(args, create, { connect, session });
      session.ready();
      await ended;
    },
  };
}

await compareAgents({
  file: import.meta.url,
  startModel,
  load,
  frame: () => SILENCE,
  minHeardMs: 900,
});
