import { type RawData, WebSocket } from 'ws';
import { hasPeerClosed, ignoresPongs, passOnAtOnce } from '../compat/ws-socket.js';
import { attempt } from '../errors/attempt.js';
import { guardListeners } from '../errors/guard-listeners.js';
import { ITEM_BYTES } from '../limits/item-bytes.js';
import { Queue } from '../limits/queue.js';

/** Backpressure limit of buffered bytes, after which reading pauses. Below it reading continues, to detect a disconnect. */
const MAX_HELD_BYTES = 65_536;
/** Timeout without a listener, in milliseconds. Then reading resumes, to detect a disconnect, and the oldest frames are dropped. */
const UNHEARD_MS = 10_000;
/** Messages per turn of the event loop: ws emits whatever it has read at once, which may be megabytes of tiny messages. */
const MESSAGES_PER_TURN = 100;
/** Events that a peer can trigger. */
const PEER_EVENTS: ReadonlySet<string | symbol> = new Set(['message', 'ping', 'pong']);

/** Event of a socket without a listener whose oldest frames are dropped from now on. */
export const UNHEARD = 'unheard';

/** WebSocket that can buffer frames until a listener is attached. Pausing alone would lose frames of the same chunk, which ws emits anyway. */
export class RunnerWebSocket extends WebSocket {
  /** `Origin` header of the upgrade. */
  origin: string | undefined = undefined;
  /** Path segment after the gateway's path, such as the token in `/ws/<token>`. */
  pathToken: string | undefined = undefined;
  /** Messages that were read to identify the peer before the bot received the socket. */
  handshake: readonly string[] = [];
  /** Largest message, in bytes, in both directions of a relayed bot process. */
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
  private peerClose: { readonly ask: () => void; readonly timeoutMs: number } | undefined;
  private endTimer: NodeJS.Timeout | undefined;

  /**
   * Buffers frames until a `message` listener is attached, which then receives them in order. If that listener is removed early, the rest stays
   * buffered. Idempotent.
   *
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
   */
  guard(onFailure: (thrown: unknown) => void): void {
    this.onFailure = onFailure;
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
    if (PEER_EVENTS.has(event)) passOnAtOnce(this, ++this.messages % MESSAGES_PER_TURN !== 0);
    if (event !== 'message' || this.held === undefined) return this.emitNow(event, args);
    const message = args as Message;
    if (Buffer.isBuffer(message[0])) message[0] = withoutChunk(message[0]);
    this.held.push(message);
    this.heldBytes += sizeOf(message);
    if (this.heldBytes <= MAX_HELD_BYTES) return true;
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
      this.drops = true;
      super.emit(UNHEARD);
      this.resumeHere();
    };
    this.unheardTimer = setTimeout(goOn, UNHEARD_MS);
    this.on('close', this.stopWaiting);
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

/** Arguments of a `message` event. */
export type Message = [data: RawData, isBinary: boolean];

/** Returns the size of a message of any `binaryType`. */
const sizeOf = ([data]: Message): number =>
  ITEM_BYTES +
  (Array.isArray(data) ? data.reduce((sum, { length }) => sum + length, 0) : data.byteLength);

/** Copies small data, which would otherwise keep the whole chunk in memory. */
const withoutChunk = (data: Buffer): Buffer =>
  data.length * 2 < data.buffer.byteLength ? Buffer.from(data) : data;
