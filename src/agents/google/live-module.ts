/** The parts of a message of Gemini Live that the adapter uses; others are ignored. */
export interface LiveMessage {
  readonly serverContent?: {
    readonly modelTurn?: {
      readonly parts?: readonly {
        readonly inlineData?: { readonly data?: string; readonly mimeType?: string };
      }[];
    };
    readonly interrupted?: boolean;
    readonly turnComplete?: boolean;
    readonly inputTranscription?: { readonly text?: string };
    readonly outputTranscription?: { readonly text?: string };
  };
  readonly toolCall?: { readonly functionCalls?: readonly LiveFunctionCall[] };
  readonly goAway?: object;
  readonly sessionResumptionUpdate?: { readonly newHandle?: string; readonly resumable?: boolean };
}

/** A call of a function by the model. */
export interface LiveFunctionCall {
  readonly id?: string;
  readonly name?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** The `callbacks` of `ai.live.connect()`. */
export interface LiveCallbacks {
  readonly onmessage: (message: LiveMessage) => void;
  readonly onerror: (event: { readonly message?: string }) => void;
  readonly onclose: (event: { readonly code?: number; readonly reason?: string }) => void;
}

/** A `Session` of `ai.live.connect()`. */
export interface Live {
  sendRealtimeInput(input: {
    audio?: { data: string; mimeType: string };
    text?: string;
    audioStreamEnd?: boolean;
  }): void;
  sendToolResponse(response: {
    functionResponses: { id?: string; name?: string; response: Record<string, unknown> }[];
  }): void;
  close(): void;
}

/**
 * Connects to the model.
 * @param handle where a session continues that has ended before: pass it as `config.sessionResumption`
 */
export type LiveConnect = (callbacks: LiveCallbacks, handle: string | undefined) => Promise<Live>;
