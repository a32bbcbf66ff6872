import { neededPackage } from '../../packages.js';

/** Options of a connection to the model. */
export interface RealtimeConnectOptions {
  readonly apiKey: string | (() => string | Promise<string>);
  readonly model?: string;
  /** @default OpenAI's */
  readonly url?: string;
}

interface LayerConnectOptions extends Partial<RealtimeConnectOptions> {
  readonly initialSessionConfig?: object;
}

interface RealtimeEvent {
  readonly type: string;
}

/** The parts of `OpenAIRealtimeWebSocket` that the adapter uses. Named here, so that nobody has to install its types. */
export interface RealtimeLayer {
  readonly status: 'connecting' | 'connected' | 'disconnected';
  readonly currentItemId: string | undefined;
  connect(options: LayerConnectOptions): Promise<void>;
  updateSessionConfig(config: object): unknown;
  sendEvent(event: RealtimeEvent & Readonly<Record<string, unknown>>): void;
  sendAudio(audio: ArrayBuffer): void;
  close(): void;
  on(event: string, listener: (event: never) => void): unknown;
  off(event: string, listener: (event: never) => void): unknown;
  _onAudio(event: { readonly data: ArrayBuffer }): void;
  _interrupt(elapsedMs: number, cancelOngoingResponse?: boolean): void;
}

/** A `RealtimeSession` of `@openai/agents-realtime`. */
export interface Realtime {
  readonly history: readonly object[];
  connect(options: RealtimeConnectOptions): Promise<void>;
  close(): void;
  sendMessage(message: string): void;
  interrupt(): void;
  on(event: string, listener: (event: never) => void): unknown;
  off(event: string, listener: (event: never) => void): unknown;
}

/** The package, as far as it is used at run time. */
export interface RealtimeModule {
  readonly OpenAIRealtimeWebSocket: new (options?: { url?: string }) => RealtimeLayer;
}

/** Loads `@openai/agents-realtime`. @throws {Error} with the install line where it is missing */
export function loadRealtime(): Promise<RealtimeModule> {
  const name: string = '@openai/agents-realtime';
  return neededPackage(name, 'realtimeSession()', () => import(name) as Promise<RealtimeModule>);
}
