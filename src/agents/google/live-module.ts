/** The parts of a message of Gemini Live that the adapter uses; others are ignored. */
export interface LiveMessage {
  readonly serverContent?: LiveContent;
  readonly toolCall?: { readonly functionCalls?: readonly LiveFunctionCall[] };
  readonly toolCallCancellation?: { readonly ids?: readonly string[] };
  /** @property timeLeft a duration in seconds, such as `9.5s` */
  readonly goAway?: { readonly timeLeft?: string };
  readonly sessionResumptionUpdate?: { readonly newHandle?: string; readonly resumable?: boolean };
  readonly voiceActivity?: { readonly voiceActivityType?: string };
}

/** Speech of the model, and transcripts of what it heard. */
export interface LiveContent {
  readonly modelTurn?: {
    readonly parts?: readonly {
      readonly inlineData?: { readonly data?: string; readonly mimeType?: string };
    }[];
  };
  readonly interrupted?: boolean;
  /** All of the answer is sent. The turn is complete later, when the model takes it for played. */
  readonly generationComplete?: boolean;
  readonly turnComplete?: boolean;
  readonly inputTranscription?: { readonly text?: string; readonly finished?: boolean };
  readonly outputTranscription?: { readonly text?: string };
}

/** A call of a function by the model. */
export interface LiveFunctionCall {
  readonly id?: string;
  readonly name?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** The result of a call of a function. */
export interface LiveFunctionResponse {
  id?: string;
  name?: string;
  response: Record<string, unknown>;
}

/** The `callbacks` of `ai.live.connect()`. */
export interface LiveCallbacks {
  readonly onmessage: (message: LiveMessage) => void;
  readonly onerror: (event: { readonly message?: string }) => void;
  readonly onclose: (event: { readonly code?: number; readonly reason?: string }) => void;
}

/** Input of the user. */
export interface LiveInput {
  audio?: { data: string; mimeType: string };
  text?: string;
}

/** A `Session` of `ai.live.connect()`. */
export interface Live {
  sendRealtimeInput(input: LiveInput): void;
  sendToolResponse(response: { functionResponses: LiveFunctionResponse[] }): void;
  close(): void;
}

/**
 * Connects to the model.
 * @param handle where a session continues that has ended before: pass it as `config.sessionResumption`; `undefined` at the beginning of a
 * conversation
 */
export type LiveConnect = (callbacks: LiveCallbacks, handle: string | undefined) => Promise<Live>;
