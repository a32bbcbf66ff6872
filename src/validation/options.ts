import { validateSync } from 'class-validator';
import { didYouMean } from './did-you-mean.js';
import { isObject } from './is-object.js';
import { isSurelyValid } from './is-surely-valid.js';
import { fieldsOf, invalidFieldsOf, NO_OBJECT } from './validate-into.js';

/** Invalid options of the runner. The message names what is accepted. */
export class InvalidOptionsError extends RangeError {
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

/** Options with their defaults. @typeParam Unset options without a default */
export type WithDefaults<T, Unset extends keyof T = never> = Required<Omit<T, Unset>> &
  Pick<T, Unset>;

/**
 * Fills the given options into a new instance of their class, whose fields have the defaults, and validates it by the decorators of the class.
 * An `undefined` option keeps its default; all problems are reported together.
 *
 * @param owner name of the module or class in the message
 * @param options new instance of the class
 * @param extras additional valid keys, which are handled elsewhere
 * @throws {InvalidOptionsError} naming every invalid option, and what is accepted
 */
export function resolveOptions<Resolved extends object>(
  owner: string,
  options: { [Name in keyof Resolved]?: Resolved[Name] | Partial<Resolved[Name]> },
  given: unknown,
  extras: readonly string[] = [],
): Resolved {
  if (!isObject(given)) {
    throw new InvalidOptionsError(owner, [`the options must be an object, not ${kindOf(given)}`]);
  }
  const problems = fill(options, given, extras);
  const checks = { skipUndefinedProperties: true, forbidUnknownValues: false };
  // Cheaper for valid options: createTransport() resolves its own for each session.
  const errors = isSurelyValid(options) ? [] : validateSync(options, checks);
  for (const { field, message } of invalidFieldsOf(errors)) {
    const at = field.slice(0, field.lastIndexOf('.') + 1);
    problems.push(...message.split('\n').map((line) => at + line));
  }
  if (problems.length > 0) throw new InvalidOptionsError(owner, problems);
  return options as Resolved;
}

/** Returns the names of a class's options. */
export const optionNamesOf = (cls: new () => object): string[] => [...fieldsOf(cls).keys()];

/** Sets the known fields. @returns a problem for each unknown one */
function fill(
  options: Record<string, unknown>,
  given: object,
  extras: readonly string[],
  at = '',
): string[] {
  const cls = options.constructor as new () => object;
  const fields = fieldsOf(cls);
  return Object.entries(given).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const field = fields.get(name);
    if (!field) return [`${at}${name} ${unknownOption(name, optionNamesOf(cls), extras)}`];
    if (!field.nested || !isObject(value)) {
      options[name] = field.nested && Array.isArray(value) ? NO_OBJECT : value;
      return [];
    }
    const nested = new field.nested() as Record<string, unknown>;
    options[name] = nested;
    return fill(nested, value, [], `${at}${name}.`);
  });
}

/** Returns the problem with an option that does not exist. */
export function unknownOption(
  name: string,
  options: readonly string[],
  extras: readonly string[] = [],
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
