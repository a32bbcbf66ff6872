/** Entries of a list of what happened, on a page. */
const MAX_ENTRIES = 50;

/** Returns a list with one more entry, and without the oldest beyond the limit. */
export const append = <T>(entries: readonly T[], entry: T): T[] =>
  [...entries, entry].slice(-MAX_ENTRIES);
