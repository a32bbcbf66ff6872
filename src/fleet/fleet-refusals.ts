import { RunnerError } from '../errors/runner.error.js';
import { InvalidOptionsError } from '../validation/options.js';

/** Returns the refusal of what needs Redis, while that is away. */
export const unavailable = (): RunnerError =>
  new RunnerError('OVERLOADED', 'The directory of the fleet does not answer; try again later.');

/** Returns the error for a fleet that has a runner. */
export const takenFleet = (): InvalidOptionsError =>
  new InvalidOptionsError('RunnerModule', [
    'fleet serves another runner already: make one for each, with useFactory',
  ]);

/** Returns the error for a node without a limit. */
export const endlessNode = (): InvalidOptionsError =>
  new InvalidOptionsError('RunnerModule', [
    'maxSessions must be a number with a fleet: the most sessions of this node',
  ]);

/** Returns the age of what Redis' clock has timed. This node's may be behind. */
export const ageOf = (atMs: number): number => Math.max(0, Date.now() - atMs);
