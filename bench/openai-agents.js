// CPU and memory of OpenAI's agents: `node bench/openai-agents.js [sessions] [seconds]`.
import { compareAgents, everyFrame, SECOND, SILENCE, startSpeakingModel } from './agents.js';

function startModel() {
  let ids = 0;
  return startSpeakingModel('ws', (socket) => {
    const send = (type, event) => {
      socket.send(JSON.stringify({ type, event_id: `event_${++ids}`, ...event }));
    };
    const session = { type: 'realtime' };
    send('session.created', { session });
    socket.on('message', (data) => {
      if (data.includes('"session.update"')) send('session.updated', { session });
    });
    return () => {
      const at = { response_id: `resp_${++ids}`, item_id: `item_${ids}`, output_index: 0 };
      send('response.created', { response: { id: at.response_id } });
      const part = { ...at, content_index: 0 };
      send('response.output_audio_transcript.delta', { ...part, delta: 'A second of words.' });
      send('response.output_audio.delta', { ...part, delta: SECOND });
      send('response.output_audio.done', part);
      send('response.done', { response: { id: at.response_id, output: [] } });
    };
  });
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
