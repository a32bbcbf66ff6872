// A bot that is an agent of LiveKit's library, at a front desk, with a colleague for bookings. In a process of its own, too.
import { TransformStream } from 'node:stream/web';
import { inference, llm, voice } from '@livekit/agents';
import { LLM, realtime, STT, TTS } from '@livekit/agents-plugin-openai';
import { z } from 'zod';
import { agentSession, localInference } from 'nestjs-pipecat-runner/agents';
import { BotLauncher } from 'nestjs-pipecat-runner/bot';

/**
 * For all sessions. The end of an utterance is written over the beginning of its padding before speech-to-text has read it: with no more
 * padding than silence that is silence.
 */
const vad = new inference.VAD({ prefixPaddingDuration: 200 });

/** Provider of the host's that the tools ask. */
export class Weather {
  of(city) {
    return `22 degrees in ${city}`;
  }
}

/** Providers where no Nest is. */
const FROM_ENVIRONMENT = { baseURL: process.env.OPENAI_URL, apiKey: process.env.OPENAI_KEY };

export class SupportBot extends BotLauncher {
  constructor(weather = new Weather(), openai = FROM_ENVIRONMENT) {
    super();
    this.weather = weather;
    this.openai = openai;
  }

  /** Notes of what a test wants to know. */
  note() {}

  async launch(args, session) {
    const { connOptions, turnHandling, detector, greeting, clicks, model, shared, fails } =
      args.body ?? args.call_data?.body ?? {};
    const { openai } = this;
    const note = (event) => this.note({ ...event, session: session.id });
    const engine = () =>
      new voice.AgentSession({
        ...(model
          ? { llm: new realtime.RealtimeModel(model) }
          : {
              vad,
              stt: new STT({ ...openai, useRealtime: false, model: 'whisper-1' }),
              llm: new LLM({ ...openai, model: 'gpt-4.1' }),
              tts: new TTS({ ...openai, model: 'tts-1', voice: 'alloy' }),
            }),
        turnHandling: {
          turnDetection: detector ? DETECTORS[detector.kind](detector, note) : 'vad',
          ...turnHandling,
        },
        connOptions,
        aecWarmupDuration: null,
        userAwayTimeout: null,
      });
    let created;
    const { transport, rtvi, ended } = await agentSession(
      args,
      () => {
        created = shared === 'AgentSession' ? (this.engine ??= engine()) : engine();
        this.watch(created, note);
        if (clicks) noteClicks(created.input, note);
        return created;
      },
      {
        agent: shared === 'Agent' ? (this.agent ??= this.frontDesk(note)) : this.frontDesk(note),
        session,
      },
    );
    transport.on('dtmf', (key) =>
      key === '#'
        ? created.commitUserTurn()
        : created.generateReply({ userInput: `I press ${key}.` }),
    );
    rtvi?.onClientMessage(({ type, data }) => {
      if (type === 'say') created.say(data);
      return { heard: type };
    });
    noteSpeech(created.output.audio, note);
    if (fails) failAt(fails, created);
    session.ready();
    if (greeting) created.say(greeting);
    await ended;
    note({ returned: true });
  }

  watch(engine, note) {
    engine.on('agent_state_changed', ({ newState }) => note({ state: newState }));
    engine.on('agent_false_interruption', ({ resumed }) => note({ falseInterruption: resumed }));
    engine.on('conversation_item_added', ({ item }) => {
      if (item.type === 'message') {
        note({ role: item.role, text: item.textContent, interrupted: item.interrupted });
      }
    });
    return engine;
  }

  frontDesk(note) {
    return new voice.Agent({
      instructions: 'You are the front desk.',
      tools: [
        llm.tool({
          name: 'get_weather',
          description: 'Tells the weather in a city.',
          parameters: z.object({ city: z.string() }),
          execute: async ({ city }) => this.weather.of(city),
        }),
        llm.tool({
          name: 'look_up',
          description: 'Looks something up, which takes its time.',
          execute: (_, { abortSignal }) => {
            note({ tool: 'began' });
            return new Promise((_resolve, reject) =>
              abortSignal.addEventListener('abort', () => {
                note({ tool: 'aborted' });
                reject(new Error('aborted'));
              }),
            );
          },
        }),
        llm.tool({
          name: 'ask_nobody',
          description: 'Asks somebody who never answers, and hears of no cancellation.',
          execute: () => {
            note({ tool: 'began' });
            return new Promise(() => undefined);
          },
        }),
        llm.tool({
          name: 'hand_over',
          description: 'Hands over to bookings.',
          execute: async () =>
            llm.handoff({
              agent: new voice.Agent({ instructions: 'You take bookings.' }),
              returns: 'They are with bookings now.',
            }),
        }),
        llm.tool({
          name: 'end_call',
          description: 'Ends the call.',
          execute: async (_, { ctx }) => {
            ctx.speechHandle.addDoneCallback(() => ctx.session.shutdown());
            return 'It ends when you have said goodbye.';
          },
        }),
      ],
    });
  }
}

let executor;

/** Detectors of ends of turns. They note what they find. */
const DETECTORS = {
  /** LiveKit's model, by the sound. */
  model({ unlikelyThreshold }, note) {
    executor ??= localInference();
    const noted = {
      async doInference(method, data) {
        const found = await executor.doInference(method, data);
        note({ endOfTurn: found.probability });
        return found;
      },
    };
    return new inference.TurnDetector({ version: 'v1-mini', unlikelyThreshold, executor: noted });
  },
  /** One of the application's, by the words: those given are no end. */
  words: ({ unfinished }, note) => ({
    model: 'words',
    provider: 'host',
    supportsLanguage: async () => true,
    unlikelyThreshold: async () => 0.5,
    async predictEndOfTurn(chat) {
      const endOfTurn = chat.items.at(-1).textContent.endsWith(unfinished) ? 0.1 : 0.9;
      note({ endOfTurn });
      return endOfTurn;
    },
  }),
};

/** Adds a listener that throws or rejects. */
function failAt({ event, how }, engine) {
  const emitter = event.startsWith('playback') ? engine.output.audio : engine;
  const fail = () => {
    throw new Error(`a listener of ${event}`);
  };
  emitter.on(event, how === 'async' ? async () => fail() : fail);
}

/** Notes when the engine gives the first frame of something that it says, when it drops it, and how much was played. */
function noteSpeech(output, note) {
  const { captureFrame, flush, clearBuffer, onPlaybackFinished } = output;
  let isSpeaking = false;
  output.captureFrame = (frame) => {
    if (!isSpeaking) note({ firstFrame: true });
    isSpeaking = true;
    return captureFrame.call(output, frame);
  };
  output.flush = () => {
    isSpeaking = false;
    flush.call(output);
  };
  output.clearBuffer = () => {
    note({ cleared: true });
    clearBuffer.call(output);
  };
  output.onPlaybackFinished = (event) => {
    note({ playedMs: event.playbackPosition * 1_000 });
    onPlaybackFinished.call(output, event);
  };
}

/** Notes when a click of the caller's comes out of the audio that the engine is given. */
function noteClicks(input, note) {
  const { get, set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), 'audio');
  let isLoud = false;
  const clicks = new TransformStream({
    transform(frame, controller) {
      const wasLoud = isLoud;
      isLoud = frame.data.some((sample) => Math.abs(sample) > 4_000);
      if (isLoud && !wasLoud) note({ click: true });
      controller.enqueue(frame);
    },
  });
  Object.defineProperty(input, 'audio', {
    get,
    set(audio) {
      if (audio) {
        Object.defineProperty(audio, 'stream', { value: audio.stream.pipeThrough(clicks) });
      }
      set.call(input, audio);
    },
  });
}

/** For a process of its own. */
export default (args, session) => new SupportBot().launch(args, session);
