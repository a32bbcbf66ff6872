/** Retention of a call, in milliseconds: longer than a webhook's signature is valid. */
const REMEMBER_MS = 600_000;
/** The most retained calls. */
const MAX_CALLS = 10_000;

/** Answers of recent calls by the provider's call id, so that a redelivered webhook is idempotent and starts no second bot. */
export class RecentCalls<T> {
  /** Ordered by age, oldest first. */
  private readonly calls = new Map<string, { atMs: number; answer: Promise<T> }>();

  /** Returns the first answer for a call. A failed answer is forgotten, so that the call can be retried. */
  async once(callId: string, answer: () => Promise<T>): Promise<T> {
    this.forgetOld();
    const known = this.calls.get(callId);
    if (known) return known.answer;
    const call = { atMs: performance.now(), answer: answer() };
    this.calls.set(callId, call);
    try {
      await call.answer;
      // What fails, such as a guess, pushes nothing out.
      if (this.calls.size > MAX_CALLS) this.calls.delete(this.calls.keys().next().value!);
      return await call.answer;
    } catch (error) {
      this.calls.delete(callId);
      throw error;
    }
  }

  private forgetOld(): void {
    const oldestMs = performance.now() - REMEMBER_MS;
    for (const [callId, { atMs }] of this.calls) {
      if (atMs > oldestMs) return;
      this.calls.delete(callId);
    }
  }
}
