import type { Principal } from '../auth/runner-auth.js';
import { SessionEnd } from '../bot/session-end.js';
import { RunnerError } from '../errors/runner.error.js';
import type { MaybePromise } from './session-registry.js';
import type { Session } from './session.js';

/** Admission by capacity: counts all sessions, and those of each principal. */
export class Capacity {
  /** True when no more sessions are admitted. */
  closed = false;
  /** True when no more sessions are opened, and those that wait for their client are served. */
  retiring = false;
  /** True while sessions are refused because of overload. */
  overloaded = false;
  /** Upgrades that are served here, until it is decided if their sessions get a place. */
  readonly arriving = new Set<object>();
  private taken = 0;
  private readonly byPrincipal = new Map<string, number>();

  constructor(private readonly maxSessions: number) {}

  get isFull(): boolean {
    return this.taken >= this.maxSessions;
  }

  /** True while none of the sessions that wait can be served here, beside those whose sockets arrive. */
  get takesNone(): boolean {
    const isFull = this.taken + this.arriving.size >= this.maxSessions;
    return this.closed || this.overloaded || isFull;
  }

  /** Returns why nobody can open a session, places aside; `undefined` when they can. */
  closedRefusal(): RunnerError | undefined {
    if (this.closed || this.retiring) return draining();
    if (!this.overloaded) return undefined;
    return new RunnerError('OVERLOADED', 'This runner has too much to do; try again later.');
  }

  /** Returns why a principal cannot open one more session; `undefined` when it can. */
  refusal(principal?: Principal): RunnerError | undefined {
    const closed = this.closedRefusal();
    if (closed) return closed;
    if (this.isFull) return new FullError(this.maxSessions, 'runner');
    return this.shareRefusal(principal);
  }

  /** Returns why an admitted session cannot count as this principal's too; `undefined` when it can. */
  shareRefusal({ id = '', maxSessions = Infinity }: Principal = {}): RunnerError | undefined {
    if ((this.byPrincipal.get(id) ?? 0) < maxSessions) return undefined;
    return callerFull(maxSessions);
  }

  take(principal?: Principal): void {
    this.taken++;
    this.takeShare(principal);
  }

  takeShare({ id }: Principal = {}): void {
    if (id !== undefined) this.byPrincipal.set(id, (this.byPrincipal.get(id) ?? 0) + 1);
  }

  free(principal?: Principal): void {
    this.taken--;
    this.freeShare(principal);
  }

  freeShare({ id }: Principal = {}): void {
    if (id === undefined) return;
    const left = this.byPrincipal.get(id)! - 1;
    if (left > 0) this.byPrincipal.set(id, left);
    else this.byPrincipal.delete(id);
  }
}

/** Error for a start while all places of the runner, or of its fleet, are taken. */
export class FullError extends RunnerError {
  constructor(maxSessions: number, of: 'runner' | 'fleet') {
    super('AT_CAPACITY', `All ${maxSessions} sessions of this ${of} are taken; try again later.`);
  }
}

/** Error for a start of a caller who holds as many sessions as they may. */
export const callerFull = (maxSessions: number): RunnerError =>
  new RunnerError(
    'AT_CAPACITY',
    `You hold all ${maxSessions} sessions that you may hold at once; end one, or try again later.`,
  );

/** End of a session that waited for its client in vain. */
export const nobodyCame = (): SessionEnd => new SessionEnd('expired', 'Nobody connected in time.');

/** Error for a start during the drain. */
export const draining = (): RunnerError =>
  new RunnerError('DRAINING', 'The runner is shutting down and takes no new sessions.');

/** Limits of the start queue, in time and length. */
interface StartQueueOptions {
  /** Longest wait, in milliseconds; 0 disables the queue. */
  readonly startQueueMs: number;
  /** The most queued starts. */
  readonly maxQueuedStarts: number;
}

/** Connection of a queued client, such as a socket. Its close removes the client from the queue. */
export interface WaitingClient {
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

/** Returns a client without a connection, which waits until a signal aborts. */
export const waitsUntil = (signal: AbortSignal | undefined): WaitingClient => ({
  destroyed: signal?.aborted ?? false,
  once: (_event, listener) => signal?.addEventListener('abort', listener, { once: true }),
  off: (_event, listener) => signal?.removeEventListener('abort', listener),
});

interface Waiting<T> {
  /** Takes a slot; `undefined` when none is available for this client. */
  readonly tryTake: () => MaybePromise<T | undefined>;
  readonly settle: (outcome: { readonly taken: T } | { readonly refused: RunnerError }) => void;
}

/** FIFO queue of starts that wait for a slot. A client blocked only by its principal's limit blocks no others. */
export class StartQueue<T> {
  private readonly waiting = new Set<Waiting<T>>();
  /** True while a slot is being taken. */
  private isTaking = false;

  /** @param giveBack called with the slot of a client that left while it was taken */
  constructor(
    private readonly options: StartQueueOptions,
    private readonly giveBack: (taken: T) => void = () => undefined,
  ) {}

  /** Number of queued starts. */
  get length(): number {
    return this.waiting.size;
  }

  /** True if one more start can be queued. */
  get hasRoom(): boolean {
    return this.options.startQueueMs > 0 && this.waiting.size < this.options.maxQueuedStarts;
  }

  /**
   * Waits for a slot.
   * @param tryTake takes the slot; without a fleet in the same synchronous step in which it became free
   * @param refusal error on timeout, or when the client is gone
   */
  wait(
    tryTake: () => MaybePromise<T | undefined>,
    refusal: RunnerError,
    client: WaitingClient,
  ): Promise<T> {
    if (client.destroyed) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const give = (): void => one.settle({ refused: refusal });
      const timer = setTimeout(give, this.options.startQueueMs);
      client.once('close', give);
      const one: Waiting<T> = {
        tryTake,
        settle: (outcome) => {
          this.waiting.delete(one);
          clearTimeout(timer);
          client.off('close', give);
          if ('taken' in outcome) resolve(outcome.taken);
          else reject(outcome.refused);
        },
      };
      this.waiting.add(one);
    });
  }

  /** Serves the queue, one client after the other. @param hasPlace returns true while a slot is free in general */
  advance(hasPlace: () => boolean): void {
    if (!this.isTaking) this.serve(this.waiting.values(), hasPlace);
  }

  private serve(clients: IterableIterator<Waiting<T>>, hasPlace: () => boolean): void {
    for (const one of clients) {
      if (!hasPlace()) return;
      const taken = one.tryTake();
      if (taken instanceof Promise) return void this.serveSlowly(one, taken, clients, hasPlace);
      if (taken !== undefined) one.settle({ taken });
    }
  }

  private async serveSlowly(
    one: Waiting<T>,
    taking: Promise<T | undefined>,
    others: IterableIterator<Waiting<T>>,
    hasPlace: () => boolean,
  ): Promise<void> {
    this.isTaking = true;
    try {
      const taken = await taking;
      if (taken === undefined) return;
      if (this.waiting.has(one)) one.settle({ taken });
      else this.giveBack(taken);
    } catch {
      // It waits on.
    } finally {
      this.isTaking = false;
      this.serve(others, hasPlace);
    }
  }

  /** Refuses all queued starts. @param refusal creates the error of each */
  dismiss(refusal: () => RunnerError): void {
    for (const one of this.waiting) one.settle({ refused: refusal() });
  }
}

/** Sessions that wait for their client, ordered by expiry (with equal timeouts), so that one timer serves all. */
export class PendingSessions {
  private readonly byId = new Map<string, Session>();
  private timer: NodeJS.Timeout | undefined;

  /** @param end ends expired sessions, which removes them here */
  constructor(
    private readonly ttlMs: number,
    private readonly end: (expired: Session[]) => void,
  ) {}

  get size(): number {
    return this.byId.size;
  }

  get(id: string): Session | undefined {
    return this.byId.get(id);
  }

  values(): IterableIterator<Session> {
    return this.byId.values();
  }

  add(session: Session): void {
    this.byId.set(session.id, session);
    this.timer ??= setTimeout(() => this.sweep(), this.ttlMs).unref();
  }

  delete(id: string): void {
    if (!this.byId.delete(id) || this.byId.size > 0) return;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private sweep(): void {
    this.timer = undefined;
    const expired: Session[] = [];
    for (const session of this.byId.values()) {
      const leftMs = this.ttlMs - session.ageMs;
      if (leftMs > 0) {
        // Up to 1 % late, so that many starts in a row expire in a few sweeps.
        const nextMs = Math.max(leftMs, this.ttlMs / 100);
        this.timer = setTimeout(() => this.sweep(), nextMs).unref();
        break;
      }
      expired.push(session);
    }
    this.end(expired);
  }
}
