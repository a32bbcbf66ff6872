import type { Session } from './session.js';

/** Sessions that wait for their caller, in the order of their expiry (they all wait equally long), so one timer serves them all. */
export class PendingSessions {
  private readonly byId = new Map<string, Session>();
  private timer: NodeJS.Timeout | undefined;

  /** @param end ends the sessions nobody came for, and so removes them from here */
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
    const now = Date.now();
    const expired: Session[] = [];
    for (const session of this.byId.values()) {
      const leftMs = session.createdAtMs + this.ttlMs - now;
      if (leftMs > 0) {
        // Up to 1 % late, so that many starts in a row end in a few sweeps, not in one each.
        const nextMs = Math.max(leftMs, this.ttlMs / 100);
        this.timer = setTimeout(() => this.sweep(), nextMs).unref();
        break;
      }
      expired.push(session);
    }
    this.end(expired);
  }
}
