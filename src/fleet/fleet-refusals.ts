import { RunnerError } from '../errors/runner.error.js';

/** The fleet, or the node, has no place. */
export class FleetFullError extends RunnerError {
  constructor(what: string) {
    super('AT_CAPACITY', `${what}; try again later.`);
  }
}

/** Returns the refusal of a caller who holds as many sessions as they may. */
export const callerFull = (maxSessions: number): RunnerError =>
  new RunnerError(
    'AT_CAPACITY',
    `You hold all ${maxSessions} sessions that you may hold at once; end one, or try again later.`,
  );

/** Returns the refusal of what needs Redis, while that is away. */
export const unavailable = (): RunnerError =>
  new RunnerError('OVERLOADED', 'The directory of the fleet does not answer; try again later.');

/** Returns the age of what Redis' clock has timed. This node's may be behind. */
export const ageOf = (atMs: number): number => Math.max(0, Date.now() - atMs);
