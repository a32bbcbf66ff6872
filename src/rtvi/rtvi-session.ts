import { EventEmitter } from 'node:events';
import { attempt } from '../errors/attempt.js';
import { isInstance, textOfThrown } from '../errors/thrown.js';
import { AsyncQueue } from '../media/async-queue.js';
import type { MediaTransport } from '../media/media-transport.js';
import { RTVI_LABEL } from '../media/rtvi-label.js';
import { printable } from '../validation/printable.js';
import { validateInto } from '../validation/validate-into.js';
import { ClientMessageError } from './client-message.error.js';
import { ClientMessageData } from './dto/client-message.dto.js';
import { ClientReady } from './dto/client-ready.dto.js';
import { RtviDtmf } from './dto/rtvi-dtmf.dto.js';
import { RtviMessage } from './dto/rtvi-message.dto.js';
import { SendText } from './dto/send-text.dto.js';
import {
  type BotOutput,
  legacyBotOutput,
  RTVI_VERSION,
  type RtviOutgoing,
} from './rtvi-messages.js';

/** How a {@link RtviSession} behaves. */
export interface RtviSessionOptions {
  /** What the client is told of the bot. @default the name of this library */
  readonly about?: Readonly<Record<string, unknown>>;
  /** Whether the bot is ready from the start; otherwise call `ready()`. @default true */
  readonly ready?: boolean;
  /** Where to say what failed, such as `session.logger`. */
  readonly logger?: { warn(message: string): void };
}

/** A message of the application's own, from the client. */
export interface ClientMessage {
  readonly type: string;
  readonly data: unknown;
}

/**
 * Answers messages of the application: what it returns goes back, unless it is `undefined`. What it throws is an `error-response`, which
 * says why only of a {@link ClientMessageError}.
 */
export type ClientMessageHandler = (message: ClientMessage) => unknown;

/** @see RtviSession */
export interface RtviEvents {
  'client-ready': [ClientReady];
  'send-text': [SendText];
  /** The user wants the bot to leave. Without a listener it does. */
  'disconnect-bot': [];
}

/** The major versions of RTVI that are understood. */
const LEGACY_MAJOR = '1';
const MAJOR = RTVI_VERSION.split('.')[0]!;
/** How much waits for a client that is not ready, in bytes, and what a message counts at least: a thousand short ones. */
const MAX_WAITING_BYTES = 4_000_000;
const LEAST_MESSAGE_BYTES = 4_000;

/**
 * The server's side of RTVI, which Pipecat's clients speak: readiness, messages of the application, transcripts, metrics. It works
 * over any transport that carries messages, and is silent on those that do not, so a bot need not care.
 *
 * What is sent before the client is ready goes out when it is. Keys pressed in the client come as the transport's `dtmf`.
 *
 * @example
 * ```ts
 * const rtvi = new RtviSession(transport);
 * rtvi.onClientMessage(({ type }) => (type === 'ping' ? 'pong' : undefined));
 * rtvi.send('bot-output', { text: 'Hello!', aggregated_by: 'sentence' });
 * ```
 */
export class RtviSession extends EventEmitter<RtviEvents> {
  private readonly waiting = new AsyncQueue<readonly [type: string, data: unknown]>(
    MAX_WAITING_BYTES,
    // What cannot be sent throws here, as it does later.
    ([, data]) => Math.max(LEAST_MESSAGE_BYTES, JSON.stringify([data]).length),
  );
  private client: { readonly readyId: string; readonly legacy: string | undefined } | undefined;
  private botIsReady: boolean;
  private greeted = false;
  private handler: ClientMessageHandler | undefined;

  constructor(
    private readonly transport: MediaTransport,
    private readonly options: RtviSessionOptions = {},
  ) {
    super({ captureRejections: true });
    this.botIsReady = options.ready ?? true;
    transport.on('message', (message) => this.receive(message));
  }

  /** EventEmitter's: a listener's promise rejected. */
  [Symbol.for('nodejs.rejection')](error: unknown): void {
    this.transport.fail(error);
  }

  /** The bot is ready; the client is told as soon as it is, too. */
  ready(): void {
    this.botIsReady = true;
    this.greet();
  }

  /** Answers the application's messages, in place of whoever did before. */
  onClientMessage(handler: ClientMessageHandler): void {
    this.handler = handler;
  }

  /**
   * Sends a message.
   * @returns false where the transport carries none
   */
  send<T extends keyof RtviOutgoing>(
    ...[type, data]: RtviOutgoing[T] extends undefined
      ? [type: T]
      : [type: T, data: RtviOutgoing[T]]
  ): boolean {
    if (!this.transport.capabilities.messages) return false;
    if (this.greeted) return this.sendNow(type, data);
    this.waiting.push([type, data]);
    return true;
  }

  private sendNow(type: string, data: unknown, id?: string): boolean {
    if (type === 'bot-output' && this.client?.legacy !== undefined) {
      data = legacyBotOutput(data as BotOutput);
      if (data === undefined) return true;
    }
    return this.transport.sendMessage({
      label: RTVI_LABEL,
      type,
      ...(id !== undefined && { id }),
      ...(data !== undefined && { data }),
    });
  }

  private receive(message: unknown): void {
    if ((message as { label?: unknown } | null)?.label !== RTVI_LABEL) return;
    let rtvi: RtviMessage;
    try {
      rtvi = validateInto(RtviMessage, message);
    } catch (error) {
      // There is no id to answer to.
      this.sendNow('error', { error: problemOf('message', error), fatal: false });
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
      case 'send-text':
        return this.read(SendText, message, (text) => void this.emit('send-text', text));
      case 'dtmf':
        return this.read(RtviDtmf, message, ({ buttons }) =>
          buttons.forEach((key) => this.transport.keyPressed(key)),
        );
      case 'disconnect-bot':
        if (!this.emit('disconnect-bot')) this.transport.close();
        return;
      default:
        this.refuse(id, `Unsupported type '${type.slice(0, 40)}'.`);
    }
  }

  /** Uses the data of a message, or tells the client why they cannot be used. */
  private read<T extends object>(
    cls: new () => T,
    { type, id, data = {} }: RtviMessage,
    use: (data: T) => void,
  ): void {
    let read: T;
    try {
      read = validateInto(cls, data);
    } catch (error) {
      return this.refuse(id, problemOf(type, error));
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
    const major = client?.version.split('.')[0];
    if (client && major !== MAJOR && major !== LEGACY_MAJOR) {
      problem = `RTVI ${client.version} is not RTVI ${RTVI_VERSION}.`;
    }
    // The client is let in all the same: what it does not understand, it may not need.
    if (problem !== undefined) this.refuse(id, `${problem} There may be misunderstandings.`);
    this.client = { readyId: id, legacy: major === LEGACY_MAJOR ? client!.version : undefined };
    this.greeted = false;
    this.greet();
    this.emit('client-ready', client ?? Object.assign(new ClientReady(), { version: 'unknown' }));
  }

  private greet(): void {
    if (!this.botIsReady || !this.client || this.greeted) return;
    this.greeted = true;
    const { readyId, legacy } = this.client;
    const about = this.options.about ?? { library: 'nestjs-pipecat-runner' };
    this.sendNow('bot-ready', { version: legacy ?? RTVI_VERSION, about }, readyId);
    for (let next = this.waiting.take(); next; next = this.waiting.take()) {
      this.sendNow(...next.value);
    }
  }

  private async answer(id: string, { t, d }: ClientMessageData): Promise<void> {
    if (!this.handler) return this.refuse(id, `This bot answers no client-message.`);
    try {
      const result = await this.handler({ type: t, data: d });
      if (result !== undefined) this.sendNow('server-response', { t, d: result }, id);
    } catch (thrown) {
      const { text, message } = textOfThrown(thrown);
      this.refuse(
        id,
        isInstance(thrown, ClientMessageError) ? message : 'The bot could not answer.',
      );
      this.options.logger?.warn(`client-message '${printable(t)}' failed: ${text}`);
    }
  }

  private refuse(id: string, error: string): void {
    this.sendNow('error-response', { error }, id);
  }
}

const problemOf = (what: string, error: unknown): string =>
  `Invalid RTVI ${what.slice(0, 40)}: ${textOfThrown(error).message}`;
