import { InvalidArgumentError } from 'commander';

/** Parses a port. @throws {InvalidArgumentError} */
export function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('It must be a number from 0 to 65535.');
}

/** Parses a duration of at least some seconds. @throws {InvalidArgumentError} */
export const secondsFrom =
  (min: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && value >= min && value <= 86_400) return value;
    throw new InvalidArgumentError(`It must be a number of seconds from ${min} to 86400.`);
  };

/** Parses a duration. @throws {InvalidArgumentError} */
export const seconds = secondsFrom(0);

/** Parses a whole number. @throws {InvalidArgumentError} */
export const count =
  (min: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
    throw new InvalidArgumentError(`It must be a whole number of at least ${min}.`);
  };
