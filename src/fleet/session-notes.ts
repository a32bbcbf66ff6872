import type { Session } from '../sessions/session.js';
import type { RedisLink } from './redis-link.js';
import { NOTE } from './scripts/note.script.js';
import { MAX_BATCH } from './session-directory.js';

/** Time in which notes are collected, in milliseconds. */
const COLLECT_MS = 250;
/** The most notes that wait. */
const MAX_WAITING = 10_000;

/** Part of a session's entry in lists, beside its record: its state, since when, and how long its bot took to start. */
export type Note = readonly [state: string, sinceMs: number, botStartMs: number | ''];

/** Returns the note of a session; `undefined` for one that has not begun. */
export const noteOf = ({ state, botStartMs }: Session): Note | undefined =>
  'sinceMs' in state ? [state.name, Math.round(state.sinceMs), botStartMs ?? ''] : undefined;

/** Notes of how far this node's sessions are, sent in batches. The last one of a session wins. */
export class SessionNotes {
  private readonly waiting = new Map<string, Note>();
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly link: RedisLink,
    private readonly node: string,
  ) {}

  /** Adds the note of a session. */
  add(session: Session): void {
    const note = noteOf(session);
    if (!note || this.waiting.size >= MAX_WAITING) return;
    this.waiting.set(session.id, note);
    this.schedule();
  }

  /** Forgets a session that has ended. */
  delete(id: string): void {
    this.waiting.delete(id);
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.isStopped) return;
    this.timer ??= setTimeout(() => void this.send(), COLLECT_MS).unref();
  }

  private async send(): Promise<void> {
    this.timer = undefined;
    const notes = [...this.waiting].slice(0, MAX_BATCH);
    for (const [id] of notes) this.waiting.delete(id);
    try {
      await this.link.run(NOTE, this.node, ...notes.flatMap(([id, note]) => [id, ...note]));
    } catch {
      // Sent again, unless there is a newer one.
      for (const [id, note] of notes) if (!this.waiting.has(id)) this.waiting.set(id, note);
    }
    if (this.waiting.size > 0) this.schedule();
  }
}
