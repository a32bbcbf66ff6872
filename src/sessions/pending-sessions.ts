import type { Session } from './session.js';

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
    const now = Date.now();
    const expired: Session[] = [];
    for (const session of this.byId.values()) {
      const leftMs = session.createdAtMs + this.ttlMs - now;
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
