import type { SessionState } from './session-state.js';
import type { Session } from './session.js';

/** Record of an ended session, without its body and claims. */
export interface EndedSession extends Pick<
  Session,
  'id' | 'transport' | 'createdAtMs' | 'botStartMs'
> {
  readonly state: {
    readonly name: 'ended';
    readonly atMs: number;
    /** Code only: message and cause may hold data that must not be retained. */
    readonly reason: Pick<Extract<SessionState, { name: 'ended' }>['reason'], 'code'>;
  };
}

/** Recently ended sessions. */
export class SessionHistory {
  private readonly byId = new Map<string, EndedSession>();

  /** @param limit the most retained sessions */
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

  /** All retained sessions, in the order of their end. */
  get all(): EndedSession[] {
    return [...this.byId.values()];
  }
}
