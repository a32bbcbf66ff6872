import type { Session } from '../sessions/session.js';
import type { RedisLink } from './redis-link.js';
import { NOTE } from './scripts/note.script.js';
import { MAX_BATCH } from './session-directory.js';

/** Time in which notes are collected, in milliseconds. */
const COLLECT_MS = 250;
/** The most notes that wait. */
const MAX_WAITING = 10_000;

/** Fields of a note, in the order of the script's arguments. */
type Note = readonly [id: string, state: string, sinceMs: number, botStartMs: number | ''];

/** Notes of how far this node's sessions are, sent in batches. The last one of a session wins. */
export class SessionNotes {
  private readonly waiting = new Map<string, Note>();
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly link: RedisLink,
    private readonly node: string,
  ) {}

  /** Adds what a list shows of a session: its state, since when, and how long its bot took to start. */
  add({ id, state, botStartMs }: Session): void {
    if (!('sinceMs' in state) || this.waiting.size >= MAX_WAITING) return;
    this.waiting.set(id, [id, state.name, Math.round(state.sinceMs), botStartMs ?? '']);
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
    const notes = [...this.waiting.values()].slice(0, MAX_BATCH);
    for (const [id] of notes) this.waiting.delete(id);
    try {
      await this.link.run(NOTE, this.node, ...notes.flat());
    } catch {
      // Sent again, unless there is a newer one.
      for (const note of notes) if (!this.waiting.has(note[0])) this.waiting.set(note[0], note);
    }
    if (this.waiting.size > 0) this.schedule();
  }
}
