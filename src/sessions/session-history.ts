import type { SessionState } from './session-state.js';
import type { Session } from './session.js';

/** The record of a session that has ended, without anything that it was given. */
export interface EndedSession extends Pick<
  Session,
  'id' | 'transport' | 'createdAtMs' | 'botStartMs'
> {
  readonly state: {
    readonly name: 'ended';
    readonly atMs: number;
    /** Without message and cause, which may hold more than is to be kept. */
    readonly reason: Pick<Extract<SessionState, { name: 'ended' }>['reason'], 'code'>;
  };
}

/** The sessions that ended last. */
export class SessionHistory {
  private readonly byId = new Map<string, EndedSession>();

  /** @param limit how many are remembered */
  constructor(private readonly limit: number) {}

  add({ id, transport, createdAtMs, botStartMs, state }: Session): void {
    if (this.limit === 0 || state.name !== 'ended') return;
    if (this.byId.size === this.limit) this.byId.delete(this.byId.keys().next().value!);
    const { atMs, reason } = state;
    this.byId.set(id, {
      id,
      transport,
      createdAtMs,
      botStartMs,
      state: { name: 'ended', atMs, reason: { code: reason.code } },
    });
  }

  get(id: string): EndedSession | undefined {
    return this.byId.get(id);
  }

  /** All there are, in the order in which they ended. */
  get all(): EndedSession[] {
    return [...this.byId.values()];
  }
}
