// CPU and memory of Gemini Live: `node bench/gemini-live.js [sessions] [seconds]`.
import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { compareAgents, everyFrame } from './agents.js';

const SECOND = Buffer.alloc(48_000, 3).toString('base64');
const SILENCE = new Int16Array(160);

/** A model that speaks all the time, a second at once. */
async function startModel() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  let answers = 0;
  server.on('connection', (socket) => {
    const send = (message) => socket.send(JSON.stringify(message));
    socket.once('message', () => send({ setupComplete: {} }));
    const speak = setInterval(() => {
      answers++;
      const inlineData = { mimeType: 'audio/pcm;rate=24000', data: SECOND };
      send({ serverContent: { modelTurn: { role: 'model', parts: [{ inlineData }] } } });
      send({ serverContent: { outputTranscription: { text: 'A second of words.' } } });
      send({ serverContent: { generationComplete: true } });
      send({ serverContent: { turnComplete: true } });
    }, 1_000);
    socket.on('close', () => clearInterval(speak));
  });
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    answers: () => answers,
    close: () => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

async function load(baseUrl) {
  const { liveSession } = await import('nestjs-pipecat-runner/agents');
  const { GoogleGenAI, Modality } = await import('@google/genai');
  const ai = new GoogleGenAI({ apiKey: 'key', httpOptions: { baseUrl } });
  const config = { responseModalities: [Modality.AUDIO], outputAudioTranscription: {} };
  const connect = (callbacks) => ai.live.connect({ model: 'stand-in', config, callbacks });
  return {
    async alone(sessions) {
      const onmessage = () => undefined;
      const all = await Promise.all(Array.from({ length: sessions }, () => connect({ onmessage })));
      const data = Buffer.alloc(640).toString('base64');
      const audio = { data, mimeType: 'audio/pcm;rate=16000' };
      everyFrame(() => all.forEach((live) => live.sendRealtimeInput({ audio })));
    },
    async launch(args, session) {
      const { ended } = await liveSession(args, connect, { session });
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
