import { type RawData, WebSocket } from 'ws';
import { hasPeerClosed, ignoresPongs, passOnAtOnce } from '../compat/ws-socket.js';
import { attempt } from '../errors/attempt.js';
import { guardListeners } from '../errors/guard-listeners.js';
import { ITEM_BYTES } from '../limits/item-bytes.js';
import { Queue } from '../limits/queue.js';
import type { WireMessage } from '../media/serializers/media-serializer.js';

/** Past this many queued bytes a held socket stops reading; before, it reads on, so that it notices a peer that leaves. */
const MAX_HELD_BYTES = 65_536;
/** Still unheard after so long, it reads on, and the oldest frames go: nobody listens, and a peer that leaves must be noticed. Milliseconds. */
const UNHEARD_MS = 10_000;
/** After so many messages the event loop has a turn: ws passes on whatever it reads in one go, which can be megabytes of tiny ones. */
const MESSAGES_PER_TURN = 100;
/** What a peer can have ws do something for. */
const PEER_EVENTS: ReadonlySet<string | symbol> = new Set(['message', 'ping', 'pong']);

/** The control messages of a protocol that must be answered in time, whatever the bot does. */
export interface SocketResponder {
  /** Sent at once. */
  readonly first: string;
  /** Reads a text message of the peer. Never throws. @returns the answer, and whether the bot is not to get the message */
  receive(data: Buffer): { readonly answer?: WireMessage; readonly isTaken?: boolean };
  /** The form in which a text message of the bot goes out; `undefined` where it does not. */
  send(text: string): WireMessage | undefined;
  /** The message that asks the peer to end the connection; `undefined` when it was asked before. */
  end(): string | undefined;
}

/** The event of a socket whose frames nobody hears, so that the oldest are dropped from now on. */
export const UNHEARD = 'unheard';

/**
 * A `ws` socket that can keep frames until somebody listens. Pausing alone would not do: frames that arrived in the
 * same chunk are emitted all the same, and are lost when there is no listener yet.
 */
export class RunnerWebSocket extends WebSocket {
  /** The `Origin` of its upgrade. */
  origin: string | undefined = undefined;
  /** The path segment behind the gateway's path in its URL, such as the token in `/ws/<token>`. */
  pathToken: string | undefined = undefined;
  /** The messages that were read to identify the peer before the bot got the socket. */
  handshake: readonly string[] = [];
  /** The largest message it takes, in bytes. What a bot's process sends to its peer is bounded by the same. */
  maxPayloadBytes: number | undefined = undefined;
  private onFailure: ((thrown: unknown) => void) | undefined = undefined;
  private held: Queue<Message> | undefined = undefined;
  private heldBytes = 0;
  private pausedHere = false;
  private messages = 0;
  private drops = false;
  private unheardTimer: NodeJS.Timeout | undefined;
  private watching = false;
  private closing = false;
  private responder: SocketResponder | undefined;
  private farewell: { readonly ask: () => void; readonly timeoutMs: number } | undefined;
  private endTimer: NodeJS.Timeout | undefined;

  /**
   * Keeps every frame that arrives until a `message` listener is added; it then gets them in order. When that listener
   * is removed again while frames are left, the rest stays. Holding twice changes nothing.
   *
   * @param unread messages that were taken and are to be read again, before all others
   */
  hold(unread: readonly Message[] = []): void {
    const later = this.held;
    if (!later || unread.length > 0) {
      const held = (this.held = new Queue<Message>());
      for (const message of unread) {
        held.push(message);
        this.heldBytes += sizeOf(message);
      }
      for (let next = later?.shift(); next; next = later?.shift()) held.push(next);
    }
    if (this.watching) return;
    this.watching = true;
    this.on('newListener', this.onNewListener);
  }

  /**
   * Has `onFailure` be told of every listener that throws or rejects, and the others be called all the same. Without, it would end the process,
   * or keep the close of the socket from those who wait for it.
   */
  guard(onFailure: (thrown: unknown) => void): void {
    this.onFailure = onFailure;
    guardListeners(this, onFailure);
  }

  /** Whether this side closed or cut the connection, as opposed to the peer. */
  get closedHere(): boolean {
    return this.closing;
  }

  /**
   * Has the peer end the connection by itself: whoever closes it, `ask` asks the peer first, and only one that has not left after `timeoutMs` is closed on.
   */
  closeAfter(ask: () => void, timeoutMs: number): void {
    this.farewell = { ask, timeoutMs };
  }

  /**
   * @internal Has the peer's control messages answered from now on, those included that are buffered already, and the peer asked to end the connection before
   * it is closed on. So that it reads on, the oldest messages are dropped past the buffer limit.
   * @param timeoutMs see {@link closeAfter}
   */
  respond(responder: SocketResponder, timeoutMs: number): void {
    this.responder = responder;
    this.answer(responder.first);
    this.closeAfter(() => this.answer(responder.end()), timeoutMs);
    const held = this.held?.drain() ?? [];
    this.heldBytes = 0;
    for (const message of held) this.emit('message', ...message);
    this.resumeHere();
  }

  /** @internal */
  override send(data: SendData, ...more: SendRest): void {
    const [options] = more;
    const isBinary = typeof options === 'object' ? options.binary : undefined;
    const isText = typeof data === 'string' ? !isBinary : isBinary === false;
    if (!this.responder || !isText || !(typeof data === 'string' || Buffer.isBuffer(data)))
      return super.send(data, ...(more as []));
    const text = this.responder.send(data.toString());
    if (text !== undefined) return super.send(text, ...(more as []));
    for (const one of more) if (typeof one === 'function') one();
  }

  private answer(message: WireMessage | undefined): void {
    if (message !== undefined && this.readyState === WebSocket.OPEN) {
      super.send(message, { binary: false });
    }
  }

  /** An error here would end the process. */
  private takes([data, isBinary]: Message): boolean {
    if (!this.responder || isBinary) return false;
    try {
      const { answer, isTaken = false } = this.responder.receive(data as Buffer);
      this.answer(answer);
      return isTaken;
    } catch (thrown) {
      this.onFailure?.(thrown);
      return false;
    }
  }

  override close(code?: number, data?: string | Buffer): void {
    // ws answers the peer's close frame through this method too; only its own field tells the two apart.
    if (hasPeerClosed(this)) return super.close(code, data);
    this.closing = true;
    if (this.endTimer) return;
    const { farewell } = this;
    if (!farewell || this.readyState !== WebSocket.OPEN) return super.close(code, data);
    this.farewell = undefined;
    const close = (): void => {
      this.endTimer = undefined;
      super.close(code, data);
    };
    this.endTimer = setTimeout(close, farewell.timeoutMs);
    this.once('close', () => clearTimeout(this.endTimer));
    farewell.ask();
  }

  override terminate(): void {
    // ws itself gives up a peer that pings and does not read the answers.
    if (!ignoresPongs(this)) this.closing = true;
    super.terminate();
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (PEER_EVENTS.has(event)) passOnAtOnce(this, ++this.messages % MESSAGES_PER_TURN !== 0);
    if (event !== 'message') return this.emitNow(event, args);
    const message = args as Message;
    if (this.takes(message)) return true;
    if (this.held === undefined) return this.emitNow(event, args);
    if (Buffer.isBuffer(message[0])) message[0] = withoutChunk(message[0]);
    this.held.push(message);
    this.heldBytes += sizeOf(message);
    if (this.heldBytes <= MAX_HELD_BYTES) return true;
    if (this.responder && !this.drops) this.dropFromNow();
    if (this.drops || this.closing) this.dropOldest(this.held);
    else if (!this.pausedHere) this.pauseHere();
    return true;
  }

  private emitNow(event: string | symbol, args: unknown[]): boolean {
    const { onFailure } = this;
    if (!onFailure) return super.emit(event, ...args);
    const listeners = this.rawListeners(event);
    for (const listener of listeners) {
      attempt(() => Reflect.apply(listener, this, args) as unknown, onFailure);
    }
    return listeners.length > 0;
  }

  private pauseHere(): void {
    this.pausedHere = true;
    this.pause();
    const goOn = (): void => {
      this.dropFromNow();
      this.resumeHere();
    };
    this.unheardTimer = setTimeout(goOn, UNHEARD_MS);
    this.on('close', this.stopWaiting);
  }

  private dropFromNow(): void {
    this.drops = true;
    super.emit(UNHEARD);
  }

  private resumeHere(): void {
    if (!this.pausedHere) return;
    this.pausedHere = false;
    this.stopWaiting();
    this.off('close', this.stopWaiting);
    this.resume();
  }

  private readonly stopWaiting = (): void => clearTimeout(this.unheardTimer);

  private dropOldest(held: Queue<Message>): void {
    while (this.heldBytes > MAX_HELD_BYTES && held.length > 1) this.takeOldest(held);
  }

  private takeOldest(held: Queue<Message>): Message {
    const oldest = held.shift()!;
    this.heldBytes -= sizeOf(oldest);
    return oldest;
  }

  private readonly onNewListener = (event: string | symbol): void => {
    if (event !== 'message') return;
    this.off('newListener', this.onNewListener);
    this.watching = false;
    // Not at once: `newListener` comes before the listener is in place.
    process.nextTick(() => this.release());
  };

  private release(): void {
    const { held } = this;
    while (held && held.length > 0 && this.listenerCount('message') > 0) {
      this.emitNow('message', this.takeOldest(held));
    }
    if (this.listenerCount('message') === 0) return this.hold();
    this.held = undefined;
    this.drops = false;
    this.resumeHere();
  }
}

type SendData = Parameters<WebSocket['send']>[0];
type SendRest =
  | [onSent?: (error?: Error) => void]
  | [options: { readonly binary?: boolean }, onSent?: (error?: Error) => void];

/** A `message` event's arguments. */
export type Message = [data: RawData, isBinary: boolean];

/** In whatever form the bot wants its messages: it may have set a `binaryType`. */
const sizeOf = ([data]: Message): number =>
  ITEM_BYTES +
  (Array.isArray(data) ? data.reduce((sum, { length }) => sum + length, 0) : data.byteLength);

/** A copy where the data are a small part of what was read with them, which would be kept as long as they are. */
const withoutChunk = (data: Buffer): Buffer =>
  data.length * 2 < data.buffer.byteLength ? Buffer.from(data) : data;
