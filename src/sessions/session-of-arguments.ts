import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { Session } from './session.js';

const sessions = new WeakMap<RunnerArguments, Session>();

/** Notes whose arguments they are, for those who are given only them. */
export function linkSession(args: RunnerArguments, session: Session): void {
  sessions.set(args, session);
}

/** The session that was launched with these arguments, in this process. */
export const sessionOf = (args: RunnerArguments): Session | undefined => sessions.get(args);
