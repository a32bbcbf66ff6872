import { inspect, types } from 'node:util';

/** A thrown value as text. */
export interface ThrownText {
  /** Result of `String()`, such as `TypeError: boom`. At most 8,192 characters. */
  readonly text: string;
  /** Message of an error; otherwise the same as {@link text}. */
  readonly message: string;
  /** Stack of an error. At most 8,192 characters. */
  readonly stack: string | undefined;
}

const MAX_LENGTH = 8_192;

/** Describes a thrown value. Never throws, even for objects without a prototype, revoked proxies and errors with throwing getters. */
export function textOfThrown(thrown: unknown): ThrownText {
  const text = shorten(stringOf(thrown));
  // Includes errors of other realms.
  const isError = types.isNativeError(thrown) || isInstance(thrown, Error);
  const message = isError ? fieldOf(thrown, 'message') : undefined;
  const stack = isError ? fieldOf(thrown, 'stack') : undefined;
  return {
    text,
    message: typeof message === 'string' ? shorten(message) : text,
    stack: typeof stack === 'string' ? shorten(stack) : undefined,
  };
}

/** `instanceof` for a thrown value; false where it would throw, such as for a revoked proxy. */
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

/** Returns a field of a thrown value; `undefined` when it cannot be read. */
export function fieldOf(thrown: unknown, field: string): unknown {
  try {
    return (thrown as Readonly<Record<string, unknown>> | null | undefined)?.[field];
  } catch {
    return undefined;
  }
}

/**
 * Returns error options with a printable `cause`: the value itself, or a plain error that describes it when printing it would
 * throw.
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
    // The same access as a logger's, limited in size.
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
