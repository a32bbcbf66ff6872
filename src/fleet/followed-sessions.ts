import { SessionEnd, sessionEndCodeOf } from '../bot/session-end.js';
import type { PendingSessions } from '../sessions/admission.js';
import type { Session } from '../sessions/session.js';
import type { OwnedSessions } from './owned-sessions.js';
import { MAX_BATCH, REMEMBER_END_MS } from './session-directory.js';

/**
 * Copies of the sessions that this node has opened and any node may serve. The directory alone decides about them: a copy is never claimed. It gives the
 * host's code their end, and is dropped when nothing here waits for that.
 */
export class FollowedSessions {
  /** Copies of sessions that other nodes serve. */
  private readonly moved = new Map<string, Session>();

  constructor(
    private readonly waiting: PendingSessions,
    private readonly owned: OwnedSessions,
    /** Asks what became of sessions, by the words of FOLLOW. */
    private readonly ask: (ids: readonly string[]) => Promise<string[]>,
  ) {}

  /** Asks about all copies once. Rejects when Redis does not answer. */
  async look(): Promise<void> {
    const copies = [...this.waiting.values()].filter(({ id }) => !this.owned.has(id));
    const all = [...copies, ...this.moved.values()];
    for (let at = 0; at < all.length; at += MAX_BATCH) {
      const some = all.slice(at, at + MAX_BATCH);
      const words = await this.ask(some.map(({ id }) => id));
      for (const [i, session] of some.entries()) this.apply(session, words[i] ?? 'pending');
    }
  }

  /** Gives up all copies, when this node leaves. */
  stop(): void {
    const end = new SessionEnd('draining', 'This node leaves, and others serve the session.');
    for (const session of [...this.waiting.values(), ...this.moved.values()]) {
      this.drop(session, end);
    }
  }

  private apply(session: Session, word: string): void {
    // Claimed here meanwhile.
    if (this.owned.has(session.id) || word === 'pending' || word === 'here') return;
    if (word === 'there') return this.move(session);
    // The directory has lost it, or is about to be told of it.
    if (word === 'gone' && this.owned.isAnnounced(session)) return;
    // An end would be remembered.
    if (word === 'gone' && session.state.name === 'pending' && session.ageMs < REMEMBER_END_MS) {
      return void session.end(new SessionEnd('lost', 'Redis has lost the session.'));
    }
    const code = sessionEndCodeOf(word.split(' ')[1]) ?? 'lost';
    this.drop(session, new SessionEnd(code, `The session has ended in the fleet: ${code}.`));
  }

  private move(session: Session): void {
    if (session.state.name !== 'pending') return;
    this.waiting.delete(session.id);
    if (!session.cleanups.isAwaited) return;
    this.moved.set(session.id, session);
    session.connect(false);
  }

  private drop(session: Session, end: SessionEnd): void {
    this.moved.delete(session.id);
    if (this.owned.has(session.id)) return;
    // Its node reports the end.
    session.isDiscarded = true;
    void session.end(end);
  }
}
