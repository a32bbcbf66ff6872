import type { SessionEnd } from '../bot/session-end.js';
import type { RunnerLog } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import type { Cleanup } from './session-state.js';

/** Cleanups for the end of a session, and the promise that resolves when they are done. */
export class SessionCleanups {
  private cleanups: Cleanup[] | undefined;
  private reason: SessionEnd | undefined;
  /** Asks first if another node has the session meanwhile, and then discards it here. Called more than once; never rejects. */
  confirm?: () => Promise<void>;
  /** True once all cleanups are done. */
  isDone = false;
  // Created lazily, as most of a pending session.
  private latch: Promise<SessionEnd> | undefined;
  private resolve: ((reason: SessionEnd) => void) | undefined;

  constructor(private readonly session: { readonly logger: RunnerLog }) {}

  /** Resolves with the reason of the end when all cleanups are done. Never rejects. */
  get done(): Promise<SessionEnd> {
    if (this.isDone) return Promise.resolve(this.reason!);
    return (this.latch ??= new Promise((resolve) => (this.resolve = resolve)));
  }

  /** True if something waits for the end: a cleanup, or whoever asked for {@link done}. */
  get isAwaited(): boolean {
    return this.latch !== undefined || this.cleanups !== undefined;
  }

  /** Registers a cleanup; runs it at once after the end. */
  add(cleanup: Cleanup): void {
    if (this.reason) void this.runOne(cleanup, this.reason);
    else (this.cleanups ??= []).push(cleanup);
  }

  /** Runs all cleanups, the last one first. */
  run(reason: SessionEnd): void {
    this.reason = reason;
    if (this.confirm) void this.confirm().then(() => this.runAll(reason));
    else this.runAll(reason);
  }

  private runAll(reason: SessionEnd): void {
    const runs = this.cleanups?.reverse().map((cleanup) => this.runOne(cleanup, reason));
    this.cleanups = undefined;
    const done = (): void => {
      this.isDone = true;
      this.resolve?.(reason);
    };
    if (runs) void Promise.all(runs).then(done);
    else done();
  }

  /** Never rejects. */
  private async runOne(cleanup: Cleanup, reason: SessionEnd): Promise<void> {
    try {
      await cleanup(reason);
    } catch (thrown) {
      this.session.logger.warn(`releasing a resource failed: ${textOfThrown(thrown).text}`);
    }
  }
}
