import { inference, voice } from '@livekit/agents';
import * as openai from '@livekit/agents-plugin-openai';
import { Injectable } from '@nestjs/common';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  type RunnerArguments,
} from 'nestjs-pipecat-runner';
import { agentSession } from 'nestjs-pipecat-runner/agents';
import { Orders } from './orders.js';
import { SupportAgent } from './support.agent.js';

/** Digits of the longest order number. */
const MAX_DIGITS = 12;
/**
 * Voice activity detection: its model is loaded once, for all conversations. Before speech-to-text has read an utterance, its end is written
 * over its padding; with less padding than silence (250 ms), that is silence.
 */
const vad = new inference.VAD({ prefixPaddingDuration: 200 });

@Injectable()
export class SupportBot extends BotLauncher {
  constructor(private readonly orders: Orders) {
    super();
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const transport = await createTransport(args, { sampleRateHz: 24_000, confirmPlayback: true });
    let conversation: voice.AgentSession | undefined;
    const { ended } = await agentSession(transport, () => (conversation = this.converse()), {
      agent: new SupportAgent(this.orders, transport, process.env.SUPPORT_DESK),
      session,
    });

    // Callers may type the number of their order: its digits, then #.
    let digits = '';
    transport.on('dtmf', (key) => {
      if (key !== '#') {
        digits = (digits + key).slice(-MAX_DIGITS);
        return;
      }
      conversation?.interrupt({ force: true });
      conversation?.generateReply({ userInput: `The number of my order is ${digits}.` });
      digits = '';
    });

    session.ready();
    await ended;
  }

  private converse(): voice.AgentSession {
    const service = {
      apiKey: process.env.OPENAI_API_KEY!,
      // Any server with OpenAI's API, such as one of your own.
      baseURL: process.env.OPENAI_BASE_URL,
    };
    return new voice.AgentSession({
      vad,
      stt: new openai.STT({ ...service, model: 'gpt-4o-mini-transcribe', useRealtime: false }),
      llm: new openai.LLM({ ...service, model: 'gpt-4.1-mini' }),
      tts: new openai.TTS({ ...service, model: 'gpt-4o-mini-tts' }),
      turnHandling: { turnDetection: 'vad' },
      // Callers may interrupt from the first word on.
      aecWarmupDuration: null,
      userAwayTimeout: null,
    });
  }
}
