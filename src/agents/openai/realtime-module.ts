import { neededPackage } from '../../packages.js';

/** Options of a connection to the model. */
export interface RealtimeConnectOptions {
  readonly apiKey: string | (() => string | Promise<string>);
  readonly model?: string;
  /** @default OpenAI's */
  readonly url?: string;
}

/** Options of a layer's connection. */
export interface LayerConnectOptions extends Partial<RealtimeConnectOptions> {
  readonly initialSessionConfig?: { readonly tracing?: unknown };
}

/** An event of the Realtime API. */
export interface RealtimeEvent extends Readonly<Record<string, unknown>> {
  readonly type: string;
}

/** A transport layer, as `new RealtimeSession(agent, { transport })` takes one. Named here, so that nobody has to install its types. */
export interface RealtimeLayer {
  readonly status: 'connecting' | 'connected' | 'disconnected';
  readonly muted: boolean | null;
  connect(options: LayerConnectOptions): Promise<void>;
  sendEvent(event: object): void;
  sendMessage(message: unknown, otherEventData: object, options?: object): void;
  addImage(image: string, options?: object): void;
  sendAudio(audio: ArrayBuffer, options?: object): void;
  updateSessionConfig(config: object): void;
  close(): void;
  mute(muted: boolean): void;
  sendFunctionCallOutput(toolCall: object, output: string, startResponse: boolean): void;
  interrupt(): void;
  resetHistory(oldHistory: readonly object[], newHistory: readonly object[]): void;
  sendMcpResponse(approvalRequest: object, approved: boolean, reason?: string): void;
  on(event: PropertyKey, listener: (...args: never[]) => void): this;
  off(event: PropertyKey, listener: (...args: never[]) => void): this;
  once(event: PropertyKey, listener: (...args: never[]) => void): this;
  emit(event: PropertyKey, ...args: unknown[]): boolean;
}

/** Audio of the model. */
export interface ModelAudio {
  readonly data: ArrayBuffer;
  readonly responseId: string;
}

interface WebSocketLayerOptions {
  readonly createWebSocket: (options: { url: string; apiKey: string }) => Promise<object>;
}

/** Members of `OpenAIRealtimeWebSocket` for subclasses. */
export interface WebSocketLayer extends RealtimeLayer {
  readonly currentItemId: string | undefined;
  requestResponse(response?: object): void;
  sendEvent(event: RealtimeEvent): void;
  interrupt(cancelOngoingResponse?: boolean): void;
  _onAudio(event: ModelAudio): void;
  _cancelResponse(): void;
  getCommonRequestHeaders(): Readonly<Record<string, string>>;
}

/** Listener of a `RealtimeSession`. With `@types/node` 26 its emitter takes none whose arguments are `never` or `unknown`. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type RealtimeListener = (...args: any[]) => void;

/** A `RealtimeSession` of `@openai/agents-realtime`. */
export interface Realtime {
  readonly transport: unknown;
  readonly history: readonly object[];
  connect(options: RealtimeConnectOptions): Promise<void>;
  close(): void;
  sendMessage(message: string): void;
  interrupt(): void;
  on(event: string, listener: RealtimeListener): unknown;
  off(event: string, listener: RealtimeListener): unknown;
}

/** The package, as far as it is used at run time. */
export interface RealtimeModule {
  readonly OpenAIRealtimeWebSocket: new (options: WebSocketLayerOptions) => WebSocketLayer;
}

/** Loads `@openai/agents-realtime`. @throws {Error} with the install line where it is missing */
export function loadRealtime(): Promise<RealtimeModule> {
  const name: string = '@openai/agents-realtime';
  return neededPackage(name, 'realtimeSession()', () => import(name) as Promise<RealtimeModule>);
}
