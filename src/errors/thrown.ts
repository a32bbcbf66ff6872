import { inspect, types } from 'node:util';

/** A thrown value as text. */
export interface ThrownText {
  /** The text that `String()` gives, such as `TypeError: boom`. At most 8,192 characters. */
  readonly text: string;
  /** The message alone of an error that has one; otherwise the same as {@link text}. */
  readonly message: string;
  /** The stack of an error that has one. At most 8,192 characters. */
  readonly stack: string | undefined;
}

/** The longest text, in characters. */
const MAX_LENGTH = 8_192;

/**
 * Describes what was thrown. Whatever it is, this does not throw: bots can throw objects without a prototype, revoked proxies, and errors
 * whose getters throw.
 */
export function textOfThrown(thrown: unknown): ThrownText {
  const text = shorten(stringOf(thrown));
  // Also one of another realm.
  const isError = types.isNativeError(thrown) || isInstance(thrown, Error);
  const message = isError ? fieldOf(thrown, 'message') : undefined;
  const stack = isError ? fieldOf(thrown, 'stack') : undefined;
  return {
    text,
    message: typeof message === 'string' ? shorten(message) : text,
    stack: typeof stack === 'string' ? shorten(stack) : undefined,
  };
}

/** `instanceof` for what was thrown: false where the value cannot be asked, such as a revoked proxy. */
export function isInstance<T>(
  thrown: unknown,
  cls: abstract new (...args: never[]) => T,
): thrown is T {
  try {
    return thrown instanceof cls;
  } catch {
    return false;
  }
}

/** A field of what was thrown; `undefined` where it cannot be read. */
export function fieldOf(thrown: unknown, field: string): unknown {
  try {
    return (thrown as Readonly<Record<string, unknown>> | null | undefined)?.[field];
  } catch {
    return undefined;
  }
}

/**
 * The options of an error that is to carry what was thrown as its `cause`. The cause is the value itself where that can be read and printed,
 * and otherwise a plain error that describes it, for whoever prints the error later must not fail.
 */
export const causedBy = (options: ErrorOptions | undefined): ErrorOptions | undefined =>
  options && 'cause' in options
    ? { cause: isPrintable(options.cause) ? options.cause : describe(options.cause) }
    : undefined;

function isPrintable(value: unknown): boolean {
  if (value === null || ['undefined', 'string', 'number', 'boolean'].includes(typeof value)) {
    return true;
  }
  if (typeof value !== 'object' || types.isProxy(value)) return false;
  try {
    const { name, message, stack } = value as Partial<Error>;
    // As loggers do. What they print at most is enough to know that they can.
    inspect(value, { maxArrayLength: 10, maxStringLength: 1_000 });
    return [String(value as unknown), name, message, stack].every(
      (text) => text === undefined || typeof text === 'string',
    );
  } catch {
    return false;
  }
}

function describe(thrown: unknown): Error {
  const { text, stack } = textOfThrown(thrown);
  const error = new Error(text);
  // Printed as its text alone.
  Object.defineProperty(error, 'name', { value: '' });
  if (stack !== undefined) error.stack = stack;
  return error;
}

function stringOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return `${typeof thrown} that cannot be turned into text`;
  }
}

const shorten = (text: string): string =>
  text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text;
