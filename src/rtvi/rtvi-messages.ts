/** Supported version of the RTVI protocol. Source: Pipecat's RTVI models and the published client. */
export const RTVI_VERSION = '2.2.0';

/** Text of the bot, whole or in part. */
export type BotOutput = BotOutputText &
  (
    | {
        /** Form of the text: `sentence`, `word`, `code`, … `backchannel` is sent to clients of RTVI 2.2 and later only. */
        readonly output_type: string;
      }
    | {
        /** @deprecated use `output_type` */
        readonly aggregated_by: string;
      }
  );

/** Fields of a {@link BotOutput} beside the form of its text. */
export interface BotOutputText {
  readonly text: string;
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

/** A text of the speech-to-text service. */
export interface RtviTranscription {
  readonly text: string;
  readonly user_id: string;
  /** ISO 8601 */
  readonly timestamp: string;
  /** True when the text is final. */
  readonly final: boolean;
}

/** Speech or text of the user. */
export interface UserInput {
  readonly text: string;
  /** `backchannel`: a short acknowledgement while the bot speaks, such as "mhm". */
  readonly input_type: 'transcription' | 'chat' | 'backchannel';
  /** ISO 8601 */
  readonly timestamp: string;
  /** False for an interim transcription. */
  readonly final: boolean;
  readonly user_id?: string;
  /** Of a `chat`: id of the client's `send-text`. */
  readonly msg_id?: string;
}

/** Sources that the LLM has searched. */
export interface SearchResponse {
  readonly search_result?: string;
  readonly rendered_content?: string;
  readonly origins: readonly {
    readonly site_uri?: string;
    readonly site_title?: string;
    readonly results: readonly { readonly text: string; readonly confidence: readonly number[] }[];
  }[];
}

/** Capabilities of the bot, so that the client shows only what applies. An absent one is unknown. */
export interface BotCapabilities {
  /** Receives the user's audio. */
  readonly audio_in?: boolean;
  readonly audio_out?: boolean;
  readonly video_in?: boolean;
  readonly screen_in?: boolean;
  readonly video_out?: boolean;
  /** Sends `metrics`. */
  readonly metrics?: boolean;
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
  'user-transcription': RtviTranscription;
  'user-input': UserInput;
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
  /** Marker in an answer of the LLM that is not spoken. */
  'bot-llm-marker': {
    readonly text: string;
    readonly kind?: string;
    /** Whole answer, with its markers. */
    readonly raw?: string;
    /** All known markers. */
    readonly markers?: readonly string[];
  };
  'bot-llm-search-response': SearchResponse;
  /** Raw texts, as the services produced them. For clients of RTVI 2.2 and later only. */
  'stt-raw-text': RtviTranscription;
  'llm-raw-text': { readonly text: string };
  'tts-raw-text': { readonly text: string };
  'bot-tts-started': undefined;
  'bot-tts-text': { readonly text: string };
  'bot-tts-stopped': undefined;
  /** 16-bit PCM in base64, for clients without another audio channel. */
  'bot-tts-audio': {
    readonly audio: string;
    readonly sample_rate: number;
    readonly num_channels: number;
  };
  /** @deprecated `callFunction()` sends it, or to clients of RTVI 2.1 and later `llm-function-call-in-progress` */
  'llm-function-call': {
    readonly function_name: string;
    readonly tool_call_id: string;
    readonly args: Readonly<Record<string, unknown>>;
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
    readonly ttfa?: readonly RtviMetric[];
    readonly ttfat?: readonly RtviMetric[];
    readonly processing?: readonly RtviMetric[];
    readonly tokens?: readonly Readonly<Record<string, unknown>>[];
    readonly characters?: readonly RtviMetric[];
    readonly stt_usage?: readonly Readonly<Record<string, unknown>>[];
  };
  /** From 0 to 1. */
  'user-audio-level': { readonly value: number };
  'bot-audio-level': { readonly value: number };
  'ui-command': { readonly command: string; readonly payload?: unknown };
  'ui-job-group': UiJobGroup;
  'system-log': { readonly text: string };
}
