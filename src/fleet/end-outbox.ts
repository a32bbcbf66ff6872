import { setTimeout as sleep } from 'node:timers/promises';
import { attempt } from '../errors/attempt.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import type { DirectoryEnd, EndOutcome, SessionDirectory } from './session-directory.js';

/** The most ends that wait for an answer. */
const MAX_WAITING = 10_000;
/** The most ends that are sent at once. */
const MAX_SENT = 50;
/** Waits between repetitions, in milliseconds. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 2_000;

interface Waiting {
  readonly end: DirectoryEnd;
  readonly onAnswer?: (outcome: EndOutcome) => unknown;
  readonly isFirst?: boolean;
}

/** Ends of sessions on their way to the directory, repeated until they are answered, so that none keeps its places. */
export class EndOutbox {
  private readonly logger = new RunnerLogger('PipecatFleet');
  private readonly waiting = new Map<string, Waiting>();
  private readonly stopped = new AbortController();
  private sending: Promise<void> | undefined;

  constructor(private readonly directory: Pick<SessionDirectory, 'end'>) {}

  /** Number of ends without an answer. */
  get size(): number {
    return this.waiting.size;
  }

  /** True if one of those without an answer was to be sent before all others. */
  get hasFirst(): boolean {
    return [...this.waiting.values()].some(({ isFirst }) => isFirst);
  }

  /** True for a session whose end was not answered so far. */
  has(id: string): boolean {
    return this.waiting.has(id);
  }

  /** Sends an end. @param onAnswer called at most once; its errors are logged */
  add(end: DirectoryEnd, onAnswer?: (outcome: EndOutcome) => void): void {
    this.keep({ end, onAnswer });
    this.sending ??= this.send();
  }

  /** Sends an end before all others. @returns its outcome; `undefined` when there was no answer, and it is repeated. Never rejects. */
  async first(end: DirectoryEnd): Promise<EndOutcome | undefined> {
    let outcome: EndOutcome | undefined;
    const onAnswer = (answer: EndOutcome): unknown => (outcome = answer);
    const one: Waiting = { end, onAnswer, isFirst: true };
    this.keep(one);
    if (!(await this.sendOne(one))) this.sending ??= this.send();
    return outcome;
  }

  private keep(one: Waiting): void {
    if (this.waiting.size >= MAX_WAITING) {
      const [oldest = ''] = this.waiting.keys();
      this.waiting.delete(oldest);
      this.logger.error(`too many ends wait for Redis; that of session ${oldest} is dropped`);
    }
    this.waiting.set(one.end.id, one);
  }

  /** Resolves when all ends are answered, or it is stopped. */
  async flushed(): Promise<void> {
    while (this.sending) await this.sending;
  }

  stop(): void {
    this.stopped.abort();
  }

  private async send(): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    // In a microtask, after `sending` is set.
    await Promise.resolve();
    while (this.waiting.size > 0 && !this.stopped.signal.aborted) {
      const answers = await Promise.all(this.next().map((one) => this.sendOne(one)));
      if (answers.every(Boolean)) {
        waitMs = FIRST_WAIT_MS;
        continue;
      }
      const options = { signal: this.stopped.signal, ref: false };
      await sleep(waitMs, undefined, options).catch(() => undefined);
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    }
    this.sending = undefined;
  }

  private next(): Waiting[] {
    const next: Waiting[] = [];
    for (const one of this.waiting.values()) {
      if (next.push(one) === MAX_SENT) break;
    }
    return next;
  }

  /** @returns true once it was answered */
  private async sendOne(one: Waiting): Promise<boolean> {
    const { end, onAnswer } = one;
    try {
      const outcome = await this.directory.end(end);
      if (this.waiting.get(end.id) === one) this.waiting.delete(end.id);
      const log = (thrown: unknown): void => this.logger.error(textOfThrown(thrown).text);
      attempt(() => onAnswer?.(outcome), log);
      return true;
    } catch {
      return false;
    }
  }
}
