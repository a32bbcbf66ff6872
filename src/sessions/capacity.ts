import type { Principal } from '../auth/runner-auth.js';
import { RunnerError } from '../errors/runner.error.js';

/** Admission by capacity: counts all sessions, and those of each principal. */
export class Capacity {
  /** True when no more sessions are admitted. */
  closed = false;
  /** True while sessions are refused because of overload. */
  overloaded = false;
  private taken = 0;
  private readonly byPrincipal = new Map<string, number>();

  constructor(private readonly maxSessions: number) {}

  get isFull(): boolean {
    return this.taken >= this.maxSessions;
  }

  /** Returns why a principal cannot open one more session; `undefined` when it can. */
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

  /** Returns why an admitted session cannot count as this principal's too; `undefined` when it can. */
  shareRefusal({ id = '', maxSessions = Infinity }: Principal = {}): RunnerError | undefined {
    if ((this.byPrincipal.get(id) ?? 0) < maxSessions) return undefined;
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
    if (id !== undefined) this.byPrincipal.set(id, (this.byPrincipal.get(id) ?? 0) + 1);
  }

  free(principal?: Principal): void {
    this.taken--;
    this.freeShare(principal);
  }

  freeShare({ id }: Principal = {}): void {
    if (id === undefined) return;
    const left = this.byPrincipal.get(id)! - 1;
    if (left > 0) this.byPrincipal.set(id, left);
    else this.byPrincipal.delete(id);
  }
}

/** Error for a start during the drain. */
export const draining = (): RunnerError =>
  new RunnerError('DRAINING', 'The runner is shutting down and takes no new sessions.');
