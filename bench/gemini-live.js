// CPU and memory of Gemini Live: `node bench/gemini-live.js [sessions] [seconds]`.
import { compareAgents, everyFrame, SECOND, SILENCE, startSpeakingModel } from './agents.js';

const startModel = () =>
  startSpeakingModel('http', (socket) => {
    const send = (message) => socket.send(JSON.stringify(message));
    socket.once('message', () => send({ setupComplete: {} }));
    return () => {
      const inlineData = { mimeType: 'audio/pcm;rate=24000', data: SECOND };
      send({ serverContent: { modelTurn: { role: 'model', parts: [{ inlineData }] } } });
      send({ serverContent: { outputTranscription: { text: 'A second of words.' } } });
      send({ serverContent: { generationComplete: true } });
      send({ serverContent: { turnComplete: true } });
    };
  });

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
