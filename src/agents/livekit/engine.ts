import type { EventEmitter } from 'node:events';
import { releaseWithLastRunner } from '../../bot/native-runtimes.js';
import { type EngineClasses, shareProcess } from '../../compat/livekit-agents.js';
import { type DisposableRtc, disposeRtc } from '../../compat/rtc-node.js';
import { neededPackage, requiredPackage } from '../../packages.js';

/** Audio of `@livekit/rtc-node`, as the engine passes it on. */
export interface EngineFrame {
  readonly data: Int16Array;
  readonly sampleRate: number;
  readonly channels: number;
  readonly samplesPerChannel: number;
}

/** A text of the engine: a part of an answer, with times where the text-to-speech service tells them. */
export type EngineText = string | { readonly text: string; readonly startTime?: number };

interface PlaybackFinished {
  /** seconds */
  readonly playbackPosition: number;
  readonly interrupted: boolean;
  readonly synchronizedTranscript?: string;
}

/** Members of the engine's `AudioInput` for subclasses. */
export interface EngineAudioInput {
  readonly multiStream: { addInputStream(stream: ReadableStream<EngineFrame>): unknown };
  close(): Promise<void>;
}

/** Members of the engine's `AudioOutput` for subclasses. */
export interface EngineAudioOutput extends EventEmitter {
  captureFrame(frame: EngineFrame): Promise<void>;
  flush(): void;
  onPlaybackStarted(createdAt: number): void;
  onPlaybackFinished(event: PlaybackFinished): void;
  pause(): void;
  resume(): void;
}

/** The parts of `@livekit/agents` that the adapter uses. Named here, so that nobody has to install its types. */
export interface AgentsModule extends EngineClasses {
  readonly initializeLogger: (options: { pretty: boolean; level: string }) => void;
  readonly loggerOptions: () => unknown;
  readonly voice: {
    readonly AudioInput: new () => EngineAudioInput;
    readonly AudioOutput: new (
      sampleRate: number | undefined,
      nextInChain: undefined,
      capabilities: { pause: boolean },
    ) => EngineAudioOutput;
  };
}

interface RtcModule extends DisposableRtc {
  readonly AudioFrame: new (
    data: Int16Array,
    sampleRate: number,
    channels: number,
    samplesPerChannel: number,
  ) => EngineFrame;
}

/** A `voice.AgentSession` of `@livekit/agents`. */
export interface Engine<Agent = unknown> {
  readonly input: { audio: unknown };
  readonly output: { audio: unknown; transcription: unknown };
  start(options: { agent: Agent }): Promise<unknown>;
  close(): Promise<void>;
  generateReply(options: { userInput: string }): unknown;
  interrupt(options: { force: boolean }): unknown;
  on(event: string, listener: (event: never) => void): unknown;
  off(event: string, listener: (event: never) => void): unknown;
}

/** Packages of the engine, as far as they are used at run time. */
export interface Engines {
  readonly agents: AgentsModule;
  readonly rtc: RtcModule;
}

const AGENTS: string = '@livekit/agents';
const RTC: string = '@livekit/rtc-node';

let loading: Promise<Engines> | undefined;

/** Loads `@livekit/agents`. @throws {Error} with the install line where it is missing */
export async function loadEngine(): Promise<Engines> {
  const engines = await (loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  }));
  // CommonJS applications have a copy of their own, maybe since a moment ago.
  const required = requiredPackage(AGENTS) as AgentsModule | undefined;
  for (const copy of [engines.agents, required]) if (copy) shareProcess(copy);
  // The engine resamples with it.
  releaseWithLastRunner(RTC, () => disposeRtc(engines.rtc));
  return engines;
}

async function load(): Promise<Engines> {
  const agents = await neededPackage(
    AGENTS,
    'agentSession()',
    () => import(AGENTS) as Promise<AgentsModule>,
  );
  const rtc = await neededPackage(RTC, 'agentSession()', () => import(RTC) as Promise<RtcModule>);
  // The engine throws without. Its lines below errors can hold what was said.
  if (!agents.loggerOptions()) agents.initializeLogger({ pretty: false, level: 'error' });
  return { agents, rtc };
}
