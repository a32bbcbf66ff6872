/** The version of RTVI that is spoken here. Source: Pipecat's RTVI models, and the published client. */
export const RTVI_VERSION = '2.1.0';

/** A text of the bot, in whole or in part. */
export interface BotOutput {
  readonly text: string;
  /** What the text is a unit of: `sentence`, `word`, `code`, … */
  readonly aggregated_by: string;
  /** Whether it will be heard. */
  readonly will_be_spoken?: boolean;
  readonly segment_id?: number;
  /** How far the voice is with it. */
  readonly spoken_status?: 'new' | 'in-progress' | 'completed';
  readonly spoken_progress?: { readonly accumulated_text: string; readonly remaining_text: string };
}

/** One measurement; `processor` is whatever was measured. */
export interface RtviMetric {
  readonly processor: string;
  readonly value: number;
  readonly model?: string;
}

/** What becomes of work that several workers do for the user; `at` is in milliseconds since 1970. */
export type UiJobGroup = { readonly job_id: string; readonly at: number } & (
  | {
      readonly kind: 'group_started';
      readonly workers?: readonly string[];
      readonly label?: string;
      readonly cancellable: boolean;
    }
  | { readonly kind: 'job_update'; readonly worker_name: string; readonly data?: unknown }
  | {
      readonly kind: 'job_completed';
      readonly worker_name: string;
      readonly status: string;
      readonly response?: unknown;
    }
  | { readonly kind: 'group_completed' }
);

/** The data of each message that a bot sends. `bot-ready`, `server-response` and `error-response` go by themselves. */
export interface RtviOutgoing {
  /** `fatal`: the bot cannot go on. */
  error: { readonly error: string; readonly fatal: boolean };
  'server-message': unknown;
  'bot-output': BotOutput;
  'bot-transcription': { readonly text: string };
  'user-transcription': {
    readonly text: string;
    readonly user_id: string;
    /** ISO 8601 */
    readonly timestamp: string;
    /** Whether the text will not change any more. */
    readonly final: boolean;
  };
  'user-started-speaking': undefined;
  'user-stopped-speaking': undefined;
  /** What was detected, whether or not it is the user's turn. */
  'vad-user-started-speaking': undefined;
  'vad-user-stopped-speaking': undefined;
  'user-mute-started': undefined;
  'user-mute-stopped': undefined;
  'bot-started-speaking': undefined;
  'bot-stopped-speaking': undefined;
  'bot-interrupted': undefined;
  'user-llm-text': { readonly text: string };
  'bot-llm-started': undefined;
  'bot-llm-text': { readonly text: string };
  'bot-llm-stopped': undefined;
  'bot-tts-started': undefined;
  'bot-tts-text': { readonly text: string };
  'bot-tts-stopped': undefined;
  /** 16-bit samples in base64, for clients that do not get them otherwise. */
  'bot-tts-audio': {
    readonly audio: string;
    readonly sample_rate: number;
    readonly num_channels: number;
  };
  'llm-function-call-started': { readonly function_name?: string };
  'llm-function-call-in-progress': {
    readonly tool_call_id: string;
    readonly function_name?: string;
    readonly arguments?: Readonly<Record<string, unknown>>;
  };
  'llm-function-call-stopped': {
    readonly tool_call_id: string;
    readonly cancelled: boolean;
    readonly function_name?: string;
    readonly result?: unknown;
  };
  /** Seconds, and counts of tokens or characters. */
  metrics: {
    readonly ttfb?: readonly RtviMetric[];
    readonly processing?: readonly RtviMetric[];
    readonly tokens?: readonly Readonly<Record<string, unknown>>[];
    readonly characters?: readonly RtviMetric[];
  };
  /** From 0 to 1. */
  'user-audio-level': { readonly value: number };
  'bot-audio-level': { readonly value: number };
  'ui-command': { readonly command: string; readonly payload?: unknown };
  'ui-job-group': UiJobGroup;
  'system-log': { readonly text: string };
}

/**
 * What a client of RTVI 1 finds instead of {@link BotOutput}: it knows whether a text was spoken, and nothing in between. Where the bot
 * does not follow its voice, a text that will be spoken counts as spoken.
 */
export const legacyBotOutput = (output: BotOutput) => {
  const { text, aggregated_by, will_be_spoken, spoken_status } = output;
  if (spoken_status === 'in-progress') return undefined;
  const spoken = spoken_status ? spoken_status === 'completed' : (will_be_spoken ?? false);
  return { text, aggregated_by, spoken };
};
