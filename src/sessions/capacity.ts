import type { Principal } from '../auth/runner-auth.js';
import { RunnerError } from '../errors/runner.error.js';

/** Whether there is room for one more: keeps count of all sessions, and of those that each principal holds. */
export class Capacity {
  /** Nobody is let in any more. */
  closed = false;
  /** Nobody is let in for the time being. */
  overloaded = false;
  private taken = 0;
  private readonly byCaller = new Map<string, number>();

  constructor(private readonly maxSessions: number) {}

  get isFull(): boolean {
    return this.taken >= this.maxSessions;
  }

  /** Why one more session of this principal cannot be; `undefined` when it can. */
  refusal(principal?: Principal): RunnerError | undefined {
    if (this.closed) return draining();
    if (this.overloaded) {
      return new RunnerError('OVERLOADED', 'This runner has too much to do; try again later.');
    }
    if (this.isFull) {
      return new RunnerError(
        'AT_CAPACITY',
        `All ${this.maxSessions} sessions of this runner are taken; try again later.`,
      );
    }
    return this.shareRefusal(principal);
  }

  /** Why a session that has its place cannot be counted as this principal's as well. */
  shareRefusal({ id = '', maxSessions = Infinity }: Principal = {}): RunnerError | undefined {
    if ((this.byCaller.get(id) ?? 0) < maxSessions) return undefined;
    return new RunnerError(
      'AT_CAPACITY',
      `You hold all ${maxSessions} sessions that you may hold at once; end one, or try again later.`,
    );
  }

  take(principal?: Principal): void {
    this.taken++;
    this.takeShare(principal);
  }

  takeShare({ id }: Principal = {}): void {
    if (id !== undefined) this.byCaller.set(id, (this.byCaller.get(id) ?? 0) + 1);
  }

  free({ id }: Principal = {}): void {
    this.taken--;
    if (id === undefined) return;
    const left = this.byCaller.get(id)! - 1;
    if (left > 0) this.byCaller.set(id, left);
    else this.byCaller.delete(id);
  }
}

/** What is told to those who come too late. */
export const draining = (): RunnerError =>
  new RunnerError('DRAINING', 'The runner is shutting down and takes no new sessions.');
