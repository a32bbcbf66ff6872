/** True where every combination is tried, as in `npm run test:all`; otherwise each value occurs, but not with each of the others. */
export const ALL = process.env.ALL === '1';

/** Cases that are tried with one of several values: all where {@link ALL} is set, otherwise each case with one of the values in turn. */
export function shareOf<Case, Value>(
  cases: readonly Case[],
  value: Value,
  values: readonly Value[],
): Case[] {
  return cases.filter((_, i) => ALL || i % values.length === values.indexOf(value));
}
