/** Supported version of the RTVI protocol. Source: Pipecat's RTVI models and the published client. */
export const RTVI_VERSION = '2.1.0';

/** Text of the bot, whole or in part. */
export interface BotOutput {
  readonly text: string;
  /** Unit of the text: `sentence`, `word`, `code`, … */
  readonly aggregated_by: string;
  /** True when the text will be spoken. */
  readonly will_be_spoken?: boolean;
  readonly segment_id?: number;
  /** Progress of speech. */
  readonly spoken_status?: 'new' | 'in-progress' | 'completed';
  readonly spoken_progress?: { readonly accumulated_text: string; readonly remaining_text: string };
}

/** A measurement of a `processor`. */
export interface RtviMetric {
  readonly processor: string;
  readonly value: number;
  readonly model?: string;
}

/** Progress of a group of jobs done for the user; `at` is in milliseconds since 1970. */
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

/** Data of each RTVI message that a bot sends. `bot-ready`, `server-response` and `error-response` are sent automatically. */
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
    /** True when the text is final. */
    readonly final: boolean;
  };
  'user-started-speaking': undefined;
  'user-stopped-speaking': undefined;
  /** Voice activity detection, whether or not it is the user's turn. */
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
  /** 16-bit PCM in base64, for clients without another audio channel. */
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
  /** Durations in seconds, and counts of tokens or characters. */
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
 * Converts {@link BotOutput} to RTVI 1, which has no progress of speech. Without a `spoken_status`, text that will be spoken counts
 * as spoken.
 */
export const legacyBotOutput = (output: BotOutput) => {
  const { text, aggregated_by, will_be_spoken, spoken_status } = output;
  if (spoken_status === 'in-progress') return undefined;
  const spoken = spoken_status ? spoken_status === 'completed' : (will_be_spoken ?? false);
  return { text, aggregated_by, spoken };
};
