import { IsBoolean, IsIn, MinLength, ValidateBy } from 'class-validator';
import { MAX_TIMER_MS } from './options.js';

/**
 * Option that a function validates.
 * @param problemOf returns what is wrong, such as `must be …`, or `undefined` for a valid value
 */
export function ValidatedBy<Options extends object>(
  problemOf: (value: unknown, options: Options) => string | undefined,
): PropertyDecorator {
  return ValidateBy({
    name: 'validatedBy',
    validator: {
      validate: (value, args) => problemOf(value, args!.object as Options) === undefined,
      defaultMessage: (args) =>
        `$property ${problemOf(args!.value, args!.object as Options) ?? 'is invalid'}`,
    },
  });
}

/** Option that a predicate accepts. @param accepted the accepted values in the message, such as `must be …` */
export const Accepts = (
  accepted: string,
  accepts: (value: unknown) => boolean,
): PropertyDecorator => ValidatedBy((value) => (accepts(value) ? undefined : accepted));

export const IsFlag = (): PropertyDecorator =>
  IsBoolean({ message: '$property must be true or false' });

/** Text that is not empty. */
export const IsText = (accepted = 'must be a string'): PropertyDecorator =>
  MinLength(1, { message: `$property ${accepted}` });

export const IsOneOf = (...values: string[]): PropertyDecorator =>
  IsIn(values, { message: `$property must be ${values.map((one) => `'${one}'`).join(' or ')}` });

/** Whole number of milliseconds within the range of a timer. */
export const Milliseconds = (min: number): PropertyDecorator =>
  Accepts(
    `must be a whole number of milliseconds, at least ${min}`,
    (value) => isWhole(value, min) && value <= MAX_TIMER_MS,
  );

/** Whole number, where `infinite` also `Infinity` for no limit. */
export const WholeNumber = (
  min: number,
  { infinite = false, max = Infinity }: { infinite?: boolean; max?: number } = {},
): PropertyDecorator =>
  Accepts(
    max < Infinity
      ? `must be a whole number from ${min} to ${max}`
      : `must be a whole number of at least ${min}${infinite ? ', or Infinity' : ''}`,
    (value) => (isWhole(value, min) && value <= max) || (infinite && value === Infinity),
  );

export const isWhole = (value: unknown, min: number): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= min;
