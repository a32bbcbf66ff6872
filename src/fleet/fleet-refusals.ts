import { RunnerError } from '../errors/runner.error.js';

/** Returns the refusal of what needs Redis, while that is away. */
export const unavailable = (): RunnerError =>
  new RunnerError('OVERLOADED', 'The directory of the fleet does not answer; try again later.');

/** Returns the refusal of what is for a session that waits, and waits no more. */
export const justConnected = (): RunnerError =>
  new RunnerError('OVERLOADED', 'The client of this session has just connected; try again.');

/** Returns the refusal of a room while no node that runs bots of rooms has a place. */
export const noRoom = (): RunnerError =>
  new RunnerError(
    'AT_CAPACITY',
    'No node of the fleet has a place for the bot of a room; try again later.',
  );

/** Returns the refusal of a client that comes to a node without the role `sockets`. */
export const noSockets = (): RunnerError =>
  new RunnerError('OVERLOADED', 'This node of the fleet serves no clients of its own; try again.');

/** Returns why a text is too long for a record; `undefined` for one that is not. */
export const sizeRefusal = (text: string, maxBytes: number): RunnerError | undefined =>
  Buffer.byteLength(text) > maxBytes
    ? new RunnerError(
        'TOO_LARGE',
        `The body is too large for a fleet: at most ${maxBytes} bytes as JSON.`,
      )
    : undefined;

/** Returns the refusal of a session whose record only nodes of another version can read. */
export const unreadable = (): RunnerError =>
  new RunnerError('OVERLOADED', 'This node cannot read the session, and others can; try again.');

/** Returns why a node is not ready. @param problem what keeps it from working with the others */
export const unusable = (problem: string): RunnerError =>
  new RunnerError('UNHEALTHY', `This node cannot work with the others: ${problem}`);

/** Returns the age of what Redis' clock has timed; 0 for what is no time. This node's clock may be behind. */
export const ageOf = (atMs: number): number => (atMs > 0 ? Math.max(0, Date.now() - atMs) : 0);
