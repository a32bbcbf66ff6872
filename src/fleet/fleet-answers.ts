import { isInstance } from '../errors/thrown.js';
import { unavailable } from './fleet-refusals.js';
import { RecentCalls } from './recent-calls.js';
import { DirectoryUnavailableError } from './redis-link.js';
import type { SharedAnswers } from './shared-answers.js';

/** Answers that are given once, by whichever node; by each node once while Redis is away. */
export class FleetAnswers {
  private readonly recent = new RecentCalls<unknown>();

  constructor(
    /** Returns the answers that all nodes share. @throws {DirectoryUnavailableError} */
    private readonly shared: () => SharedAnswers,
    /** True to give none while Redis is away. */
    private readonly refuses: boolean,
  ) {}

  /** @throws {RunnerError} `OVERLOADED` */
  once<T>(key: string, answer: () => Promise<T>): Promise<T> {
    const ask = async (): Promise<unknown> => {
      try {
        return await this.shared().once(key, answer);
      } catch (error) {
        if (!isInstance(error, DirectoryUnavailableError)) throw error;
        if (this.refuses) throw unavailable();
        return answer();
      }
    };
    // Each key has answers of one kind, which a node of this fleet has sealed.
    return this.recent.once(key, ask) as Promise<T>;
  }
}
