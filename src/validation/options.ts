/** Says that a value cannot be used as an option of the runner, and what is accepted. */
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

/** setTimeout turns a longer delay into 1 ms. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** What is wrong with a value, as what follows its name: `must be …`; `undefined` when nothing is. */
export type Check = (value: unknown) => string | undefined;

/**
 * Runs one check per option and reports all that fail together.
 * @throws {InvalidOptionsError}
 */
export function checkOptions<T extends object>(
  owner: string,
  options: T,
  checks: Record<keyof T & string, Check>,
): void {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const check = Object.hasOwn(checks, name) ? checks[name as keyof T & string] : undefined;
    const problem = check
      ? check(value)
      : `is not an option; there are ${Object.keys(checks).join(', ')}`;
    if (problem) problems.push(`${name} ${problem}`);
  }
  if (problems.length > 0) throw new InvalidOptionsError(owner, problems);
}

/** A whole number of milliseconds that a timer can take. */
export const milliseconds =
  (min: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= MAX_TIMER_MS
      ? undefined
      : `must be a whole number of milliseconds, at least ${min}`;

export const trueOrFalse: Check = (value) =>
  typeof value === 'boolean' ? undefined : 'must be true or false';

/** The fields that are set, so that the others do not hide their defaults. */
export const withoutUndefined = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
