import { type RawData, WebSocket } from 'ws';
import { hasPeerClosed, ignoresPongs, passOnAtOnce } from '../compat/ws-socket.js';
import { attempt, attemptApply, guardListeners } from '../errors/attempt.js';
import { hostCodeError } from '../errors/host-code-error.js';
import { enterBot, leaveBot, type LoopUser } from '../limits/event-loop.js';
import { ITEM_BYTES, Queue } from '../limits/queue.js';
import type { WireMessage } from '../media/serializers/media-serializer.js';
import type { UpgradeRequest } from './upgrade-request.js';

/** Backpressure limit of buffered bytes, after which reading pauses. Below it reading continues, to detect a disconnect. */
const MAX_HELD_BYTES = 65_536;
/** Timeout without a listener, in milliseconds. Then reading resumes, to detect a disconnect, and the oldest frames are dropped. */
const UNHEARD_MS = 10_000;
/** Messages per turn of the event loop: ws emits whatever it has read at once, which may be megabytes of tiny messages. */
const MESSAGES_PER_TURN = 100;
/** Time of listeners per turn of the event loop. */
const MS_PER_TURN = 10;
/** Events that a peer can trigger. */
const PEER_EVENTS: ReadonlySet<string | symbol> = new Set(['message', 'ping', 'pong']);

/** Control messages of a protocol that must be answered in time, whether or not the bot listens. */
export interface SocketResponder {
  /** Sent at once. */
  readonly first: string;
  /** Reads a text message of the peer. Never throws. @returns the answer, and whether the bot is not to get the message */
  receive(data: Buffer): { readonly answer?: WireMessage; readonly isTaken?: boolean };
  /** Returns the form in which a text message of the bot is sent; `undefined` for one that is not. */
  send(text: string): WireMessage | undefined;
  /**
   * Returns the message that asks the peer to end the connection, for which it gets 5 s.
   * @param hangsUp true if the bot hangs up, false for any other end
   * @returns `undefined` when it was asked before
   */
  end(hangsUp: boolean): string | undefined;
}

/** Timeout for the peer to end the connection itself, in milliseconds. @see SocketResponder.end */
export const END_TIMEOUT_MS = 5_000;

/** Send options of a responder's messages, which go out as they are. */
const ANSWER = { binary: false };

/** Event of a socket without a listener whose oldest frames are dropped from now on. */
export const UNHEARD = 'unheard';

/** WebSocket that can buffer frames until a listener is attached. Pausing alone would lose frames of the same chunk, which ws emits anyway. */
export class RunnerWebSocket extends WebSocket {
  /** Upgrade request of the peer. */
  upgrade: UpgradeRequest | undefined = undefined;
  /** Path segment after the gateway's path, such as the token in `/ws/<token>`. */
  pathToken: string | undefined = undefined;
  /** Messages that were read to identify the peer before the bot received the socket. */
  handshake: readonly string[] = [];
  /** Largest message, in bytes, in both directions of a relayed bot process. */
  maxPayloadBytes: number | undefined = undefined;
  /** @internal True when the peer's control messages are answered: by {@link respond}, or by the runner that relays the connection. */
  isAnswered = false;
  private onFailure: ((thrown: unknown) => void) | undefined = undefined;
  private bot: LoopUser | undefined = undefined;
  private held: Queue<Message> | undefined = undefined;
  private heldBytes = 0;
  private pausedHere = false;
  private usedTurn = 0;
  private drops = false;
  private unheardTimer: NodeJS.Timeout | undefined;
  private watching = false;
  private closing = false;
  private responder: SocketResponder | undefined;
  private peerClose: { readonly ask: () => void; readonly timeoutMs: number } | undefined;
  private endTimer: NodeJS.Timeout | undefined;

  /**
   * Buffers frames until a `message` listener is attached, which then receives them in order. If that listener is removed early, the rest stays
   * buffered. Idempotent.
   * @param unread messages to be read again, before all others
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
   * Catches errors of listeners and reports them to `onFailure`; the other listeners are still called. Unguarded, an error would end the process
   * or suppress the `close` event.
   * @param bot the session whose bot listens
   */
  guard(onFailure: (thrown: unknown) => void, bot?: LoopUser): void {
    this.onFailure = onFailure;
    this.bot = bot;
    guardListeners(this, onFailure);
  }

  /** True when this side closed the connection, not the peer. */
  get closedHere(): boolean {
    return this.closing;
  }

  /** Asks the peer to close the connection itself: any close first calls `ask`, and proceeds when the peer has not closed within `timeoutMs`. */
  closeAfter(ask: () => void, timeoutMs: number): void {
    this.peerClose = { ask, timeoutMs };
  }

  /**
   * @internal Has the peer's control messages answered from now on, those included that are buffered already, and the peer asked to end the connection before
   * it is closed on. So that it reads on, the oldest messages are dropped past the buffer limit.
   */
  respond(responder: SocketResponder): void {
    this.responder = responder;
    this.isAnswered = true;
    this.answer(responder.first);
    this.closeAfter(() => this.askToEnd(false), END_TIMEOUT_MS);
    const held = this.held?.drain() ?? [];
    this.heldBytes = 0;
    for (const message of held) this.emit('message', ...message);
    this.resumeHere();
  }

  /** @internal Asks the peer to end the connection because the bot hangs up, where its protocol has a message for that. */
  hangUp(): void {
    this.askToEnd(true);
  }

  private askToEnd(hangsUp: boolean): void {
    attempt(
      () => this.answer(this.responder?.end(hangsUp)),
      (thrown) => this.responderThrew('end', thrown),
    );
  }

  private responderThrew(method: string, thrown: unknown): void {
    this.onFailure?.(hostCodeError(thrown, `the responder threw in ${method}()`));
  }

  /** @internal */
  override send(data: SendData, ...more: SendRest): void {
    const [options] = more;
    if (options === ANSWER) return super.send(data, ANSWER);
    const isBinary = typeof options === 'object' ? options.binary : undefined;
    const isText = typeof data === 'string' ? !isBinary : isBinary === false;
    if (!this.responder || !isText || !(typeof data === 'string' || Buffer.isBuffer(data)))
      return super.send(data, ...(more as []));
    let text: WireMessage | undefined;
    try {
      text = this.responder.send(data.toString());
    } catch (thrown) {
      // Timers send as well, and an error there would end the process.
      this.responderThrew('send', thrown);
    }
    if (text !== undefined) return super.send(text, ...(more as []));
    for (const one of more) if (typeof one === 'function') one();
  }

  private answer(message: WireMessage | undefined): void {
    if (message !== undefined && this.readyState === WebSocket.OPEN) {
      this.send(message, ANSWER);
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
      this.responderThrew('receive', thrown);
      return false;
    }
  }

  override close(code?: number, data?: string | Buffer): void {
    // ws also answers the peer's close frame with this method; only its internal field tells.
    if (hasPeerClosed(this)) return super.close(code, data);
    this.closing = true;
    if (this.endTimer) return;
    const { peerClose } = this;
    if (!peerClose || this.readyState !== WebSocket.OPEN) return super.close(code, data);
    this.peerClose = undefined;
    const close = (): void => {
      this.endTimer = undefined;
      super.close(code, data);
    };
    this.endTimer = setTimeout(close, peerClose.timeoutMs);
    this.once('close', () => clearTimeout(this.endTimer));
    peerClose.ask();
  }

  override terminate(): void {
    // ws itself gives up a peer that sends pings and does not read the pongs.
    if (!ignoresPongs(this)) this.closing = true;
    super.terminate();
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (!PEER_EVENTS.has(event)) return this.emitNow(event, args);
    const startMs = performance.now();
    const heard = event === 'message' ? this.receive(args as Message) : this.emitNow(event, args);
    this.usedTurn += 1 / MESSAGES_PER_TURN + (performance.now() - startMs) / MS_PER_TURN;
    passOnAtOnce(this, this.usedTurn < 1);
    if (this.usedTurn >= 1) this.usedTurn = 0;
    return heard;
  }

  private receive(message: Message): boolean {
    if (this.takes(message)) return true;
    if (this.held === undefined) return this.emitNow('message', message);
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
    const entered = enterBot(this.bot);
    for (const listener of listeners) {
      attemptApply(listener as () => unknown, this, args, onFailure);
    }
    leaveBot(entered);
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
    // `newListener` is emitted before the listener is attached.
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

/** Arguments of a `message` event. */
export type Message = [data: RawData, isBinary: boolean];

/** Returns the size of a message of any `binaryType`. */
const sizeOf = ([data]: Message): number =>
  ITEM_BYTES +
  (Array.isArray(data) ? data.reduce((sum, { length }) => sum + length, 0) : data.byteLength);

/** Copies small data, which would otherwise keep the whole chunk in memory. */
const withoutChunk = (data: Buffer): Buffer =>
  data.length * 2 < data.buffer.byteLength ? Buffer.from(data) : data;
