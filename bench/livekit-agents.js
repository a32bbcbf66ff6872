// CPU and memory of LiveKit's agents: `node bench/livekit-agents.js [sessions] [seconds]`.
import { readFileSync } from 'node:fs';
import { ReadableStream } from 'node:stream/web';
import { compareAgents, everyFrame, startModelServer } from './agents.js';

const FRAMES_A_TURN = 275;
/** Frames between the beginnings of two callers. */
const APART = 13;
const ANSWER = Buffer.alloc(72_000, 3);

/** Two seconds of speech at 8 kHz, and silence for the answer. */
const turn = (() => {
  const wav = readFileSync(new URL('../demo/inaugural-1961.wav', import.meta.url));
  const start = wav.indexOf('data') + 8;
  const pcm = new Int16Array(FRAMES_A_TURN * 160);
  for (let i = 0; i < 16_000; i++) pcm[i] = wav.readInt16LE(start + (1_600 + i) * 2);
  return pcm;
})();

const frame = (caller, number) => {
  const at = ((number + caller * APART) % FRAMES_A_TURN) * 160;
  return turn.subarray(at, at + 160);
};

/** OpenAI's API, which answers everything at once: a sentence, and a second and a half of sound. */
const startModel = () =>
  startModelServer('http', (server, answered) => {
    server.on('request', (request, response) => {
      request.resume().on('end', () => {
        if (request.url.endsWith('/audio/speech')) {
          answered();
          response.writeHead(200, { 'content-type': 'audio/pcm' }).end(ANSWER);
        } else if (request.url.endsWith('/chat/completions')) {
          const chunk = (fields) =>
            `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 0, model: 'm', ...fields })}\n\n`;
          const choice = (delta, finish_reason = null) =>
            chunk({ choices: [{ index: 0, delta, finish_reason }] });
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write(choice({ role: 'assistant', content: 'A second and a half of words.' }));
          response.end(`${choice({}, 'stop')}data: [DONE]\n\n`);
        } else {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ text: 'Tell me more about it.', data: [] }));
        }
      });
    });
  });

async function load(url) {
  const { agentSession } = await import('nestjs-pipecat-runner/agents');
  const { inference, initializeLogger, voice } = await import('@livekit/agents');
  const { LLM, STT, TTS } = await import('@livekit/agents-plugin-openai');
  initializeLogger({ pretty: false, level: 'error' });
  const service = { baseURL: `${url}/v1`, apiKey: 'key' };
  const vad = new inference.VAD({ prefixPaddingDuration: 200 });
  const agent = () => new voice.Agent({ instructions: 'Be brief.' });
  const engine = () =>
    new voice.AgentSession({
      vad,
      stt: new STT({ ...service, useRealtime: false, model: 'whisper-1' }),
      llm: new LLM({ ...service, model: 'gpt-4.1' }),
      tts: new TTS({ ...service, model: 'tts-1', voice: 'alloy' }),
      turnHandling: { turnDetection: 'vad' },
      aecWarmupDuration: null,
      userAwayTimeout: null,
    });
  return {
    async alone(sessions) {
      const { AudioFrame } = await import('@livekit/rtc-node');
      const { Input, Output } = ends(voice);
      const inputs = [];
      for (let i = 0; i < sessions; i++) {
        const session = engine();
        inputs.push((session.input.audio = new Input()));
        session.output.audio = new Output();
        await session.start({ agent: agent() });
      }
      // Three times the rate is what the agent is given on calls.
      const upsampled = (pcm) => Int16Array.from({ length: 480 }, (_, i) => pcm[(i / 3) | 0]);
      everyFrame((number) => {
        for (const [i, input] of inputs.entries()) {
          input.push(new AudioFrame(upsampled(frame(i, number)), 24_000, 1, 480));
        }
      });
    },
    async launch(args, session) {
      const { ended } = await agentSession(args, engine, { agent: agent(), session });
      session.ready();
      await ended;
    },
  };
}

/** The least that an engine needs to hear and to speak: nobody is at the other end. */
function ends(voice) {
  class Input extends voice.AudioInput {
    constructor() {
      super();
      this.multiStream.addInputStream(
        new ReadableStream({ start: (controller) => (this.controller = controller) }),
      );
    }

    push(audio) {
      this.controller.enqueue(audio);
    }
  }
  class Output extends voice.AudioOutput {
    ms = 0;

    async captureFrame(audio) {
      await super.captureFrame(audio);
      if (this.ms === 0) this.onPlaybackStarted(Date.now());
      this.ms += (audio.samplesPerChannel * 1_000) / audio.sampleRate;
    }

    flush() {
      super.flush();
      if (this.ms === 0) return;
      clearTimeout(this.playing);
      this.playing = setTimeout(() => this.finish(false), this.ms);
    }

    clearBuffer() {
      super.flush();
      if (this.ms > 0) this.finish(true);
    }

    finish(interrupted) {
      clearTimeout(this.playing);
      const playbackPosition = this.ms / 1_000;
      this.ms = 0;
      this.onPlaybackFinished({ playbackPosition, interrupted });
    }
  }
  return { Input, Output };
}

await compareAgents({
  file: import.meta.url,
  startModel,
  load,
  frame,
  // Of 1.5 seconds in each turn of 5.5.
  minHeardMs: 200,
  seconds: 22,
});
