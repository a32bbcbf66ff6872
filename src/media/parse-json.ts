/** How deep JSON of the other side may nest: not so deep that it cannot be written again, which takes recursion. */
const MAX_DEPTH = 200;

/** @throws when it is no JSON, or nested deeper than anybody's is */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // Shorter ones cannot be too deep.
  if (text.length > 2 * MAX_DEPTH && isDeep(value)) throw new Error('nested too deep');
  return value;
}

function isDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((one): unknown[] =>
      typeof one === 'object' && one !== null ? Object.values(one) : [],
    );
  }
  return false;
}
