// A bot that talks, in a few lines: LiveKit's agents on whatever transport a conversation comes by.
// With OPENAI_API_KEY it uses OpenAI, or with OPENAI_BASE_URL any server with the same API. Without, a stand-in on this machine speaks.
import { inference, voice } from '@livekit/agents';
import * as openai from '@livekit/agents-plugin-openai';
import { agentSession } from 'nestjs-pipecat-runner/agents';
import { startStandIn } from './stand-in.js';

const { OPENAI_API_KEY, OPENAI_BASE_URL } = process.env;
const service =
  OPENAI_API_KEY || OPENAI_BASE_URL
    ? { apiKey: OPENAI_API_KEY || 'none', baseURL: OPENAI_BASE_URL || undefined }
    : await startStandIn();

class Host extends voice.Agent {
  constructor() {
    super({ instructions: 'You are on a call. Answer in one or two short sentences.' });
  }

  /** Speaks first. */
  async onEnter() {
    this.session.generateReply({ instructions: 'Greet the caller, and ask how you can help.' });
  }
}

const createSession = () =>
  new voice.AgentSession({
    // Voice activity detection, whose model is part of the package. More padding than silence (250 ms) would repeat the end of what was said.
    vad: new inference.VAD({ prefixPaddingDuration: 200 }),
    stt: new openai.STT({ ...service, model: 'gpt-4o-mini-transcribe', useRealtime: false }),
    llm: new openai.LLM({ ...service, model: 'gpt-4.1-mini' }),
    tts: new openai.TTS({ ...service, model: 'gpt-4o-mini-tts' }),
    turnHandling: { turnDetection: 'vad' },
    // Callers may interrupt from the first word on.
    aecWarmupDuration: null,
    userAwayTimeout: null,
  });

/** @type {import('nestjs-pipecat-runner').BotLauncher['launch']} */
export default async function bot(args, session) {
  const { ended } = await agentSession(args, createSession, { agent: new Host(), session });
  session.ready();
  await ended;
}
