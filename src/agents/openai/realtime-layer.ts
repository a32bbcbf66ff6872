import { WebSocket } from 'ws';
import { guardListeners, within } from '../../errors/attempt.js';
import { fieldOf } from '../../errors/thrown.js';
import { estimateBytes } from '../../media/buffered-emitter.js';
import type { MediaTransport } from '../../media/media-transport.js';
import { bytesFromPcm, pcmFromBytes } from '../../media/pcm.js';
import { errorOf } from '../error-of.js';
import { hasRoom, TOO_MUCH_INPUT } from '../model-input.js';
import type {
  LayerConnectOptions,
  ModelAudio,
  RealtimeEvent,
  RealtimeModule,
  WebSocketLayer,
} from './realtime-module.js';
import { type Interrupted, type SpeechEvents, SpokenAnswers } from './spoken-answers.js';

/** Sample rate of `audio/pcm` at the model, both ways, in Hz. */
export const REALTIME_RATE_HZ = 24_000;
/** Timeout for the model to accept a connection, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Timeout for the model to answer the close of a connection, in milliseconds: the process cannot exit before. */
const CLOSE_TIMEOUT_MS = 1_000;
/** Limit of events that wait for the model to be there again, beside that of their bytes. */
const MAX_HELD = 100;
/** Limit of responses that are asked for before one begins: the library keeps each request until then. */
const MAX_ASKED = 100;
/** Limit of all events that wait for a model that does not read, in bytes: those of the library and the bot are few and short. */
const MAX_UNREAD_BYTES = 8_000_000;
/** Size of audio in an event, for each byte of it: it is in base64. */
const BASE64_SHARE = 4 / 3;

/** A layer between the model and a transport. */
export interface TransportLayer extends WebSocketLayer {
  /** True when the agent has closed the connection, which then stays closed. */
  readonly isClosed: boolean;
  /** Newest error that the model reported on this connection. */
  readonly problem: Error | undefined;
  /** Resolves when the model takes audio, or never will again. */
  readonly settled: Promise<void>;
  /** Returns true when there is room for more input of the user: the model takes it, or it waits for the next connection. */
  takes(bytes: number): boolean;
  /** Returns true when there is room for a text of the user, and for the response to it. */
  takesText(bytes: number): boolean;
  /** Connects again as before, with the newest configuration of the session. @param history replays what was said */
  reconnect(history: (callIds: ReadonlyMap<string, string>) => readonly object[]): Promise<void>;
}

/** Creates the layer that plays the model's audio on a transport, and tells the model what was heard. */
export function createLayer(
  { OpenAIRealtimeWebSocket }: RealtimeModule,
  transport: MediaTransport,
  events: SpeechEvents,
): TransportLayer {
  return new (class extends OpenAIRealtimeWebSocket implements TransportLayer {
    isClosed = false;
    problem: Error | undefined;
    settled = Promise.resolve();
    private settle = (): void => undefined;
    private readonly answers = new SpokenAnswers(transport, events);
    private options: LayerConnectOptions = {};
    private config: object = {};
    /** Events for the model while it is being connected again. */
    private held: RealtimeEvent[] | undefined;
    private heldBytes = 0;
    private socket: WebSocket | undefined;
    private owesResponse = false;
    /** Number of responses that were asked for since the last began. */
    private asked = 0;
    /** The response that is under way, and the one that was interrupted. */
    private responseId: string | null | undefined;
    private interruptedId: string | null | undefined;
    /** Items that the model of this connection has spoken, and can truncate. */
    private readonly spoken = new Set<string>();
    /** Texts that were heard of items that are being truncated. */
    private readonly truncated = new Map<string, string>();
    /** Ids of calls by the ids of their items. */
    private readonly callIds = new Map<string, string>();

    constructor() {
      super({
        createWebSocket: async ({ url, apiKey }) => {
          const headers = {
            ...this.getCommonRequestHeaders(),
            authorization: `Bearer ${apiKey}`,
          };
          // Types of `ws` do not know `closeTimeout` yet.
          const how = { headers, perMessageDeflate: false, closeTimeout: CLOSE_TIMEOUT_MS };
          const socket = new WebSocket(url, how);
          // Listeners of the bot are called from those of the socket, and must not end the process.
          guardListeners(socket, (thrown) => transport.fail(thrown));
          this.socket = socket;
          return socket.on('error', () => undefined);
        },
      });
      this.on('error', ({ error }: { error: unknown }) => (this.problem = errorOf(error)));
      this.on('connection_change', (status: string) => {
        if (status === 'disconnected') this.disconnected();
      });
      this.on('response.created', ({ response }: { response: { id?: string | null } }) => {
        this.responseId = response.id;
        this.owesResponse = false;
        this.asked = 0;
      });
      this.on('response.done', () => (this.responseId = undefined));
      this.on('audio_transcript_delta', ({ itemId, responseId, delta }: TranscriptDelta) => {
        if (responseId !== this.interruptedId) this.answers.addText(itemId, delta);
      });
      this.on('response.output_audio.done', ({ item_id }: { item_id: string }) =>
        this.answers.end(item_id),
      );
      this.on('conversation.item.truncated', ({ item_id }: { item_id: string }) => {
        const text = this.truncated.get(item_id);
        this.truncated.delete(item_id);
        if (text !== undefined) this.correct(item_id, text);
      });
      this.on('function_call', ({ id, callId }: { id: string; callId: string }) =>
        this.callIds.set(id, callId),
      );
    }

    override async connect(options: LayerConnectOptions): Promise<void> {
      this.options = options;
      await this.open(options);
    }

    async reconnect(
      history: (callIds: ReadonlyMap<string, string>) => readonly object[],
    ): Promise<void> {
      await this.open({ ...this.options, initialSessionConfig: this.config });
      const items = history(this.callIds);
      for (const item of items) super.sendEvent({ type: 'conversation.item.create', item });
      const held = this.held ?? [];
      this.held = undefined;
      for (const event of held) super.sendEvent(event);
      this.settle();
      if (this.owesResponse || isOfUser(items.at(-1))) this.requestResponse();
    }

    /** Connects, and waits until the model has accepted the connection. */
    private async open(options: LayerConnectOptions): Promise<void> {
      this.problem = undefined;
      const { initialSessionConfig: config } = options;
      // The library's default has OpenAI keep a trace of every conversation.
      const tracing = config?.tracing === 'auto' ? null : config?.tracing;
      const untraced = { ...options, initialSessionConfig: { ...config, tracing } };
      let stop = (): void => undefined;
      const accepted = new Promise<void>((resolve, reject) => {
        const receive = ({ type }: RealtimeEvent): unknown => type !== 'error' && resolve();
        const change = (status: string): void => {
          if (status === 'disconnected') reject(this.problem ?? new Error('The model hung up.'));
        };
        this.on('*', receive);
        this.on('connection_change', change);
        stop = () => this.off('*', receive).off('connection_change', change);
      });
      try {
        await within(
          CONNECT_TIMEOUT_MS,
          Promise.all([super.connect(untraced), accepted]),
          () => new Error(`The model did not answer within ${CONNECT_TIMEOUT_MS / 1_000} s.`),
        );
      } catch (error) {
        super.close();
        throw errorOf(error);
      } finally {
        stop();
      }
    }

    override close(): void {
      this.isClosed = true;
      super.close();
      this.settle();
    }

    private disconnected(): void {
      for (const { itemId, text } of this.answers.endAll()) this.correct(itemId, text);
      this.owesResponse ||= this.responseId !== undefined && this.responseId !== this.interruptedId;
      this.responseId = undefined;
      this.asked = 0;
      this.spoken.clear();
      this.truncated.clear();
      if (this.isClosed || this.held) return;
      this.held = [];
      this.heldBytes = 0;
      this.settled = new Promise((resolve) => (this.settle = resolve));
    }

    override updateSessionConfig(config: object): void {
      this.config = config;
      // Another connection begins with it.
      if (this.status === 'connected') super.updateSessionConfig(config);
    }

    takes(bytes: number): boolean {
      if (!this.held) return hasRoom(this.unreadBytes, bytes);
      return this.held.length < MAX_HELD && hasRoom(this.heldBytes, bytes);
    }

    takesText(bytes: number): boolean {
      return this.asked < MAX_ASKED && this.takes(bytes);
    }

    private get unreadBytes(): number {
      return this.socket?.bufferedAmount ?? 0;
    }

    /** @throws {Error} when too much waits for the model */
    override sendEvent(event: RealtimeEvent): void {
      if (this.held && event.type !== 'session.update') return this.hold(event);
      if (this.unreadBytes > MAX_UNREAD_BYTES) throw new Error(TOO_MUCH_INPUT);
      super.sendEvent(event);
    }

    private hold(event: RealtimeEvent): void {
      // The history has the results of tools already.
      if (isResult(event.item)) return;
      const bytes = estimateBytes(event, MAX_UNREAD_BYTES);
      if (!this.takes(bytes)) throw new Error(TOO_MUCH_INPUT);
      this.held?.push(event);
      this.heldBytes += bytes;
    }

    override requestResponse(response?: object): void {
      this.owesResponse = true;
      if (this.held) return;
      this.asked++;
      super.requestResponse(response);
    }

    override _onAudio(event: ModelAudio): void {
      const { currentItemId: itemId } = this;
      // Late audio of an interrupted answer is not wanted.
      if (itemId === undefined || event.responseId === this.interruptedId) return;
      this.spoken.add(itemId);
      this.answers.addAudio(itemId, pcmFromBytes(Buffer.from(event.data)), REALTIME_RATE_HZ);
      super._onAudio(event);
    }

    /** Silences the agent. The library's own clock does not know when the user heard the audio. */
    override interrupt(cancelOngoingResponse = true): void {
      const interrupted = this.answers.interrupt();
      this.interruptedId = this.responseId ?? this.interruptedId;
      if (cancelOngoingResponse) this._cancelResponse();
      if (interrupted.length === 0) return;
      this.emit('audio_interrupted');
      for (const answer of interrupted) this.forgetUnheard(answer);
    }

    private forgetUnheard({ itemId, heardMs, text }: Interrupted): void {
      if (heardMs === undefined || this.held) return this.correct(itemId, text);
      if (this.spoken.has(itemId)) {
        this.truncated.set(itemId, text);
        const audio_end_ms = Math.floor(heardMs);
        const type = 'conversation.item.truncate';
        return this.sendEvent({ type, item_id: itemId, content_index: 0, audio_end_ms });
      }
      // Its audio was another connection's, and it is a text to this one.
      this.sendEvent({ type: 'conversation.item.delete', item_id: itemId });
      if (text === '') return;
      const content = [{ type: 'output_text', text }];
      const item = { id: itemId, type: 'message', role: 'assistant', content };
      this.sendEvent({ type: 'conversation.item.create', item });
    }

    /** Corrects the text of an item in the session's history. */
    private correct(itemId: string, transcript: string): void {
      // The session keeps an old text in the place of an empty one.
      const content = transcript === '' ? [] : [{ type: 'output_audio', audio: null, transcript }];
      const status = 'incomplete';
      this.emit('item_update', { itemId, type: 'message', role: 'assistant', status, content });
    }
  })();
}

interface TranscriptDelta {
  readonly itemId: string;
  readonly responseId: string;
  readonly delta: string;
}

const isResult = (item: unknown): boolean => fieldOf(item, 'type') === 'function_call_output';
/** True for an item that the model has yet to answer. */
const isOfUser = (item: unknown): boolean => fieldOf(item, 'role') === 'user';

/** Passes the user's audio on to the model, until the connection ends. @param dropped is called for audio that the model does not take in time */
export async function passAudio(
  transport: MediaTransport,
  layer: TransportLayer,
  dropped: () => void,
): Promise<void> {
  for await (const { pcm } of transport.audioIn(transport.endSignal)) {
    await layer.settled;
    const { buffer } = Uint8Array.from(bytesFromPcm(pcm));
    if (layer.takes(buffer.byteLength * BASE64_SHARE)) layer.sendAudio(buffer);
    else dropped();
  }
}
