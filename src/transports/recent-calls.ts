/** How long a call is remembered, in milliseconds: longer than a webhook's signature is good for. */
const REMEMBER_MS = 600_000;
/** How many are remembered at most. */
const MAX_CALLS = 10_000;

/** The calls that came in lately, by their providers' ids, so that a call that is delivered again starts no second bot. */
export class RecentCalls<T> {
  /** Oldest first. */
  private readonly calls = new Map<string, { atMs: number; answer: Promise<T> }>();

  /** What the call was or will be answered; a call that could not be answered may be tried again. */
  async once(callId: string, answer: () => Promise<T>): Promise<T> {
    this.forgetOld();
    const known = this.calls.get(callId);
    if (known) return known.answer;
    const call = { atMs: Date.now(), answer: answer() };
    this.calls.set(callId, call);
    if (this.calls.size > MAX_CALLS) this.calls.delete(this.calls.keys().next().value!);
    try {
      return await call.answer;
    } catch (error) {
      this.calls.delete(callId);
      throw error;
    }
  }

  private forgetOld(): void {
    const oldestMs = Date.now() - REMEMBER_MS;
    for (const [callId, { atMs }] of this.calls) {
      if (atMs > oldestMs) return;
      this.calls.delete(callId);
    }
  }
}
