import type { Caller } from '../auth/runner-auth.js';
import { RunnerError } from '../errors/runner.error.js';

/** Keeps count of the places: how many sessions there are, and how many of them each caller holds. */
export class Capacity {
  private taken = 0;
  private readonly byCaller = new Map<string, number>();

  constructor(private readonly maxSessions: number) {}

  get isFull(): boolean {
    return this.taken >= this.maxSessions;
  }

  /** Why there is no place for one more session of this caller; `undefined` when there is. */
  refusal({ id = '', maxSessions = Infinity }: Caller = {}): RunnerError | undefined {
    if (this.isFull) {
      return new RunnerError(
        'AT_CAPACITY',
        `All ${this.maxSessions} sessions of this runner are taken; try again later.`,
      );
    }
    if ((this.byCaller.get(id) ?? 0) >= maxSessions) {
      return new RunnerError(
        'AT_CAPACITY',
        `You hold all ${maxSessions} sessions that you may hold at once; end one, or try again later.`,
      );
    }
    return undefined;
  }

  take({ id }: Caller = {}): void {
    this.taken++;
    if (id !== undefined) this.byCaller.set(id, (this.byCaller.get(id) ?? 0) + 1);
  }

  free({ id }: Caller = {}): void {
    this.taken--;
    if (id === undefined) return;
    const left = this.byCaller.get(id)! - 1;
    if (left > 0) this.byCaller.set(id, left);
    else this.byCaller.delete(id);
  }
}
