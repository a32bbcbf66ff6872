import { didYouMean } from './did-you-mean.js';
import { isObject } from './is-object.js';

/** Invalid options of the runner. The message names what is accepted. */
export class InvalidOptionsError extends Error {
  override readonly name = 'InvalidOptionsError';
  constructor(
    owner: string,
    readonly problems: readonly string[],
  ) {
    super(
      `${owner} was given options it cannot use:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
  }
}

/** Longest timer; setTimeout turns a longer delay into 1 ms. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Check of a value: returns `must be …` for an invalid one, or `undefined`. */
export type Check = (value: unknown) => string | undefined;

/**
 * Runs one check per option and reports all failures together.
 * @param extras additional valid keys, which are handled elsewhere
 * @throws {InvalidOptionsError}
 */
export function checkOptions<T extends object>(
  owner: string,
  options: T,
  checks: Record<keyof T & string, Check>,
  extras: readonly string[] = [],
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionsError(owner, [`the options must be an object, not ${kindOf(options)}`]);
  }
  const problems: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const check = Object.hasOwn(checks, name) ? checks[name as keyof T & string] : undefined;
    const problem = check ? check(value) : unknownOption(name, Object.keys(checks), extras);
    if (problem) problems.push(`${name} ${problem}`);
  }
  if (problems.length > 0) throw new InvalidOptionsError(owner, problems);
}

function unknownOption(
  name: string,
  options: readonly string[],
  extras: readonly string[],
): string {
  if (extras.includes(name)) {
    return 'shapes the module: put it beside useFactory, and not into what that returns';
  }
  const names = [...options, ...extras];
  const meant = didYouMean(name, names);
  return `is not an option; there are ${names.join(', ')}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}

/** Returns the kind of a value for an error message, but not the value, which may be secret. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'function') return isClass(value) ? `the class ${value.name}` : 'a function';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const { constructor } = value;
  return constructor && constructor !== Object ? `an instance of ${constructor.name}` : 'an object';
}

export const isClass = (value: unknown): value is abstract new (...args: never[]) => object =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));

/** Checks for a whole number of milliseconds within the range of a timer. */
export const milliseconds =
  (min: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= MAX_TIMER_MS
      ? undefined
      : `must be a whole number of milliseconds, at least ${min}`;

/** Checks for a text that is not empty. */
export const text: Check = (value) =>
  typeof value === 'string' && value !== '' ? undefined : 'must be a string';

export const anObject: Check = (value) => (isObject(value) ? undefined : 'must be an object');

export const trueOrFalse: Check = (value) =>
  typeof value === 'boolean' ? undefined : 'must be true or false';

/** Removes undefined fields, which would override defaults. */
export const withoutUndefined = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
