import { EventEmitter } from 'node:events';
import { attempt } from '../errors/attempt.js';
import { isInstance, textOfThrown } from '../errors/thrown.js';
import { MESSAGE_BUFFER } from '../media/buffered-emitter.js';
import type { MediaTransport } from '../media/media-transport.js';
import { RTVI_LABEL } from '../media/serializers/json-message.js';
import { printable } from '../validation/printable.js';
import { validateInto } from '../validation/validate-into.js';
import { ClientMessageError } from './client-message.error.js';
import { ClientVersion } from './client-version.js';
import { ClientMessageData } from './dto/client-message.dto.js';
import { ClientReady } from './dto/client-ready.dto.js';
import { FunctionCallResult } from './dto/function-call-result.dto.js';
import { RawAudio } from './dto/raw-audio.dto.js';
import { RtviDtmf } from './dto/rtvi-dtmf.dto.js';
import { RtviMessage } from './dto/rtvi-message.dto.js';
import { SendFile } from './dto/send-file.dto.js';
import { SendText } from './dto/send-text.dto.js';
import { UiCancelJobGroup, UiEvent, UiSnapshot } from './dto/ui-messages.dto.js';
import { type CallFunctionOptions, FunctionCalls } from './function-calls.js';
import { RtviOutput } from './rtvi-output.js';
import { type BotCapabilities, RTVI_VERSION, type RtviOutgoing } from './rtvi-messages.js';

/** Options of a {@link RtviSession}. */
export interface RtviSessionOptions {
  /** Description of the bot in `bot-ready`. @default the name of this library */
  readonly about?: Readonly<Record<string, unknown>>;
  /** Capabilities of the bot in `bot-ready`. @default audio both ways, the rest unknown */
  readonly capabilities?: BotCapabilities;
  /** Makes the bot ready from the start; with false, call `ready()`. @default true */
  readonly ready?: boolean;
  /** Logger of failures, such as `session.logger`. */
  readonly logger?: { warn(message: string): void };
}

/** An application message of the client (`client-message`). */
export interface ClientMessage {
  readonly type: string;
  readonly data: unknown;
}

/**
 * Handler of client messages. Its result is sent as the `server-response`; `undefined` sends none. An error is sent as an
 * `error-response`, with its message only for a {@link ClientMessageError}.
 */
export type ClientMessageHandler = (message: ClientMessage) => unknown;

/** @see RtviSession */
export interface RtviEvents {
  'client-ready': [ClientReady];
  /** The user typed a text. The `id` is the `msg_id` of a `user-input`. */
  'send-text': [text: SendText, id: string];
  /** The user sends a file, inline or by its URL. */
  'send-file': [file: SendFile, id: string];
  'ui-event': [UiEvent];
  'ui-snapshot': [UiSnapshot];
  'ui-cancel-job-group': [UiCancelJobGroup];
  /** Result of a function that the client has run, also of {@link RtviSession.callFunction}. */
  'llm-function-call-result': [FunctionCallResult];
  /** The client asks the bot to leave. Without a listener the connection is closed. */
  'disconnect-bot': [];
}

/** Classes of the messages that are emitted as they are. */
const EMITTED = {
  'send-text': SendText,
  'send-file': SendFile,
  'ui-event': UiEvent,
  'ui-snapshot': UiSnapshot,
  'ui-cancel-job-group': UiCancelJobGroup,
  'llm-function-call-result': FunctionCallResult,
} as const;
const isEmitted = (type: string): type is keyof typeof EMITTED => Object.hasOwn(EMITTED, type);

/**
 * Server side of RTVI, the protocol of Pipecat's clients: readiness, application messages, transcripts, metrics. On transports
 * without messages it does nothing.
 *
 * Messages are buffered until the client is ready. DTMF digits and raw audio of the client are emitted as the transport's `dtmf` and `audio`.
 *
 * @example
 * ```ts
 * const rtvi = new RtviSession(transport);
 * rtvi.onClientMessage(({ type }) => (type === 'ping' ? 'pong' : undefined));
 * rtvi.send('bot-output', { text: 'Hello!', output_type: 'sentence' });
 * ```
 */
export class RtviSession extends EventEmitter<RtviEvents> {
  private readonly output: RtviOutput;
  private readonly calls: FunctionCalls;
  private handler: ClientMessageHandler | undefined;
  /** Size of the client messages whose handler has not answered yet. */
  private answering = 0;

  constructor(
    private readonly transport: MediaTransport,
    private readonly options: RtviSessionOptions = {},
  ) {
    super({ captureRejections: true });
    this.output = new RtviOutput(transport, options.ready ?? true, {
      about: options.about ?? { library: 'nestjs-pipecat-runner' },
      capabilities: { audio_in: true, audio_out: true, ...options.capabilities },
    });
    this.calls = new FunctionCalls(
      (type, data) => this.output.push(type, data),
      transport.endSignal,
    );
    transport.on('message', (message) => this.receive(message));
  }

  /** EventEmitter's hook for a rejected promise of a listener. */
  [Symbol.for('nodejs.rejection')](error: unknown): void {
    this.transport.fail(error);
  }

  /** Marks the bot as ready. `bot-ready` is sent once the client is ready too. Idempotent. */
  ready(): void {
    this.output.ready();
  }

  /** Sets the handler of client messages. It replaces the previous one. */
  onClientMessage(handler: ClientMessageHandler): void {
    this.handler = handler;
  }

  /** Sends a message, or buffers it until the client is ready. @returns false when the transport carries no messages */
  send<T extends keyof RtviOutgoing>(
    ...[type, data]: RtviOutgoing[T] extends undefined
      ? [type: T]
      : [type: T, data: RtviOutgoing[T]]
  ): boolean {
    return this.output.push(type, data);
  }

  /**
   * Calls a function that the client has registered, as of an LLM's tools, and resolves with its result.
   *
   * @throws {FunctionCallError} without a result in time, when the connection ends, or when the transport carries no messages
   * @throws the reason of an aborted `signal`
   * @throws {RangeError} for an invalid `timeoutMs`
   *
   * @example
   * ```ts
   * const place = await rtvi.callFunction('get_location', { precise: true });
   * ```
   */
  callFunction(
    name: string,
    args: Readonly<Record<string, unknown>> = {},
    options: CallFunctionOptions = {},
  ): Promise<Record<string, unknown> | string> {
    return this.calls.call(name, args, options);
  }

  /** @internal Sends an `error-response` to a message, such as a `send-text` that nobody takes. @param id that of the message */
  refuse(id: string, error: string): void {
    this.output.refuse(id, error);
  }

  private receive(message: unknown): void {
    if ((message as { label?: unknown } | null)?.label !== RTVI_LABEL) return;
    let rtvi: RtviMessage;
    try {
      rtvi = validateInto(RtviMessage, message);
    } catch (error) {
      // Without a valid id there is no `error-response`.
      this.output.send('error', { error: problemOf('message', error), fatal: false });
      return;
    }
    this.dispatch(rtvi);
  }

  private dispatch(message: RtviMessage): void {
    const { type, id, data = {} } = message;
    switch (type) {
      case 'client-ready':
        return this.clientReady(id, data);
      case 'client-message':
        return this.read(ClientMessageData, message, (asked) =>
          attempt(
            () => this.answer(id, asked),
            (thrown) => this.transport.fail(thrown),
          ),
        );
      case 'raw-audio':
      case 'raw-audio-batch':
        return this.read(RawAudio, message, (audio) => {
          for (const pcm of audio.pieces()) {
            this.transport.audioReceived(pcm, audio.sampleRate, audio.numChannels);
          }
        });
      case 'dtmf':
        return this.read(RtviDtmf, message, ({ buttons }) =>
          buttons.forEach((key) => this.transport.keyPressed(key)),
        );
      case 'disconnect-bot':
        if (!this.emit('disconnect-bot')) this.transport.close();
        return;
      default:
        if (isEmitted(type)) {
          const cls: new () => object = EMITTED[type];
          return this.read(cls, message, (sent) => this.pass(type, sent, id));
        }
        this.output.refuse(id, `Unsupported type ${type.slice(0, 40)}`);
    }
  }

  private pass(type: string, data: object, id: string): void {
    if (data instanceof FunctionCallResult) this.calls.settle(data);
    (this as EventEmitter).emit(type, data, id);
  }

  /** Validates the data of a message and uses it, or sends an `error-response`. */
  private read<T extends object>(
    cls: new () => T,
    { type, id, data = {} }: RtviMessage,
    use: (data: T) => void,
  ): void {
    let read: T;
    try {
      read = validateInto(cls, data);
    } catch (error) {
      return this.output.refuse(id, problemOf(type, error));
    }
    use(read);
  }

  private clientReady(id: string, data: Record<string, unknown>): void {
    let client: ClientReady | undefined;
    let problem: string | undefined;
    try {
      client = validateInto(ClientReady, data);
    } catch (error) {
      problem = problemOf('client-ready', error);
    }
    const version = new ClientVersion(client?.version);
    if (client && !version.isSupported) {
      problem = `RTVI ${client.version} is not RTVI ${RTVI_VERSION}.`;
    }
    // An unsupported client is accepted all the same; it may not need what differs.
    if (problem !== undefined) this.output.refuse(id, `${problem} There may be misunderstandings.`);
    this.output.clientReady(id, version);
    this.emit('client-ready', client ?? Object.assign(new ClientReady(), { version: 'unknown' }));
  }

  private async answer(id: string, { t, d }: ClientMessageData): Promise<void> {
    if (!this.handler) return this.output.refuse(id, `This bot answers no client-message.`);
    const size = MESSAGE_BUFFER.sizeOf(d);
    if (this.answering > 0 && this.answering + size > MESSAGE_BUFFER.limit) {
      return this.output.refuse(id, 'Too many client-messages wait for their answer.');
    }
    this.answering += size;
    try {
      const result = await this.handler({ type: t, data: d });
      if (result !== undefined) this.output.send('server-response', { t, d: result }, id);
    } catch (thrown) {
      const { text, message } = textOfThrown(thrown);
      this.output.refuse(
        id,
        isInstance(thrown, ClientMessageError) ? message : 'The bot could not answer.',
      );
      this.options.logger?.warn(`client-message '${printable(t)}' failed: ${text}`);
    } finally {
      this.answering -= size;
    }
  }
}

const problemOf = (what: string, error: unknown): string =>
  `Invalid RTVI ${what.slice(0, 40)}: ${textOfThrown(error).message}`;
