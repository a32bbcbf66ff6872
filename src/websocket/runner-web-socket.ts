import { WebSocket } from 'ws';
import { attempt } from '../errors/attempt.js';
import { guardListeners } from '../errors/guard-listeners.js';

/** Past this many queued bytes a held socket stops reading; before, it reads on, so that it notices a peer that leaves. */
const MAX_HELD_BYTES = 65_536;
/** Still unheard after so long, it reads on, and the oldest frames go: nobody listens, and a peer that leaves must be noticed. Milliseconds. */
const UNHEARD_MS = 10_000;

/** The event of a socket whose frames nobody hears, so that the oldest are dropped from now on. */
export const UNHEARD = 'unheard';

/**
 * A `ws` socket that can keep frames until somebody listens. Pausing alone would not do: frames that arrived in the
 * same chunk are emitted all the same, and are lost when there is no listener yet.
 */
export class RunnerWebSocket extends WebSocket {
  /** The `Origin` of its upgrade. */
  origin: string | undefined = undefined;
  private onFailure: ((thrown: unknown) => void) | undefined = undefined;
  private held: unknown[][] | undefined = undefined;
  private heldBytes = 0;
  private pausedHere = false;
  private drops = false;
  private unheardTimer: NodeJS.Timeout | undefined;
  private watching = false;
  private closing = false;

  /**
   * Keeps every frame that arrives until a `message` listener is added; it then gets them in order. When that listener
   * is removed again while frames are left, the rest stays. Holding twice changes nothing.
   */
  hold(): void {
    this.held ??= [];
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

  override close(code?: number, data?: string | Buffer): void {
    // ws answers the peer's close frame through this method too; only its own field tells the two apart.
    if (!(this as unknown as { _closeFrameReceived: boolean })._closeFrameReceived)
      this.closing = true;
    super.close(code, data);
  }

  override terminate(): void {
    const { _pendingAutoPongs, _maxPendingAutoPongs } = this as unknown as Pongs;
    // ws itself gives up a peer that pings and does not read the answers.
    if (!(_pendingAutoPongs >= _maxPendingAutoPongs)) this.closing = true;
    super.terminate();
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (this.held === undefined || event !== 'message') return this.emitNow(event, args);
    this.held.push(args);
    this.heldBytes += sizeOf(args);
    if (this.heldBytes <= MAX_HELD_BYTES) return true;
    if (this.drops) this.dropOldest(this.held);
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

  private dropOldest(held: unknown[][]): void {
    while (this.heldBytes > MAX_HELD_BYTES && held.length > 1) {
      this.heldBytes -= sizeOf(held.shift()!);
    }
  }

  private readonly onNewListener = (event: string | symbol): void => {
    if (event !== 'message') return;
    this.off('newListener', this.onNewListener);
    this.watching = false;
    // Not at once: `newListener` comes before the listener is in place.
    process.nextTick(() => this.release());
  };

  private release(): void {
    const held = this.held ?? [];
    let next = 0;
    while (next < held.length && this.listenerCount('message') > 0) {
      this.emitNow('message', held[next++]!);
    }
    if (this.listenerCount('message') === 0) {
      this.held = held.slice(next);
      this.heldBytes = this.held.reduce((sum, args) => sum + sizeOf(args), 0);
      this.hold();
      return;
    }
    this.held = undefined;
    this.heldBytes = 0;
    this.drops = false;
    this.resumeHere();
  }
}

const sizeOf = ([data]: unknown[]): number => (data as Buffer).length;

/** What ws counts of its answers to pings. */
interface Pongs {
  readonly _pendingAutoPongs: number;
  readonly _maxPendingAutoPongs: number;
}
