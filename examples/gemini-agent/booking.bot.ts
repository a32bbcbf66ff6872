import { GoogleGenAI, type LiveConnectConfig, Modality, Type } from '@google/genai';
import { Injectable } from '@nestjs/common';
import { BotLauncher, type BotSession, type RunnerArguments } from 'nestjs-pipecat-runner';
import { type LiveConnect, type LiveFunctionCall, liveSession } from 'nestjs-pipecat-runner/agents';
import { TablesService } from './tables.service.js';

const CONFIG: LiveConnectConfig = {
  responseModalities: [Modality.AUDIO],
  systemInstruction: 'You book tables of a restaurant. Be brief.',
  // Transcripts, for clients that show them.
  inputAudioTranscription: {},
  outputAudioTranscription: {},
  tools: [
    {
      functionDeclarations: [
        {
          name: 'book_table',
          description: 'Books a table.',
          parameters: {
            type: Type.OBJECT,
            properties: {
              day: { type: Type.STRING, description: 'such as 2026-12-31' },
              guests: { type: Type.INTEGER },
            },
            required: ['day', 'guests'],
          },
        },
      ],
    },
  ],
};

/** Books tables for callers on the phone and in the browser. */
@Injectable()
export class BookingBot extends BotLauncher {
  constructor(private readonly tables: TablesService) {
    super();
  }

  async launch(args: RunnerArguments, session: BotSession): Promise<void> {
    const ai = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY });
    const model = process.env.GEMINI_MODEL ?? 'gemini-live-2.5-flash-preview';
    const connect: LiveConnect = async (callbacks, handle) => {
      const config = { ...CONFIG, sessionResumption: { handle } };
      const live = await ai.live.connect({ model, config, callbacks });
      // The bot speaks first; a connection that continues another does not.
      if (handle === undefined) live.sendRealtimeInput({ text: 'Greet the caller.' });
      return live;
    };
    const { ended } = await liveSession(args, connect, {
      session,
      onFunctionCall: (call) => this.run(call),
    });
    session.ready();
    await ended;
  }

  /** The model is told what it returns or throws. */
  private run({ name, args }: LiveFunctionCall): Promise<string> {
    if (name !== 'book_table') throw new Error(`There is no function ${name}.`);
    return this.tables.book(String(args?.day), Number(args?.guests));
  }
}
