import { fieldOf, isInstance, textOfThrown } from '../errors/thrown.js';

/** Depth of events of errors that hold another. */
const MAX_DEPTH = 3;

/** Returns the error of an engine, whose own are often events or objects that hold one. */
export function errorOf(thrown: unknown): Error {
  let cause = thrown;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (isInstance(cause, Error)) return cause;
    const inner = fieldOf(cause, 'error');
    if (inner === undefined) break;
    cause = inner;
  }
  const message = fieldOf(cause, 'message');
  return new Error(typeof message === 'string' ? message : textOfThrown(cause).text);
}
