import type { RunnerLog } from './runner-logger.js';

/** Most lines of one kind in a minute. */
const MAX_LINES = 10;
const MINUTE_MS = 60_000;

/**
 * Warnings that requests of strangers can cause without end: 10 of each kind in a minute. The tenth says so; the number of those left out is
 * logged with the next one after that minute.
 */
export class LogBudget {
  private readonly kinds = new Map<string, { endMs: number; lines: number; more: number }>();

  constructor(private readonly logger: Pick<RunnerLog, 'warn'>) {}

  /**
   * @param kind one of a fixed number, such as the name of a carrier; the line with the number names it
   * @param logger log of this line, such as that of a session
   */
  warn(text: string, kind: string, logger = this.logger): void {
    const nowMs = performance.now();
    let used = this.kinds.get(kind);
    if (!used || nowMs >= used.endMs) {
      if (used && used.more > 0) this.logger.warn(`${used.more} more: ${kind}`);
      this.kinds.set(kind, (used = { endMs: nowMs + MINUTE_MS, lines: 0, more: 0 }));
    }
    if (used.lines === MAX_LINES) {
      used.more++;
      return;
    }
    used.lines++;
    logger.warn(used.lines < MAX_LINES ? text : `${text} (more within a minute are only counted)`);
  }
}
