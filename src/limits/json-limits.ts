/** Depth limit of JSON, low enough for recursive serialization. */
export const MAX_JSON_DEPTH = 200;
/** Limit of values in JSON. 1 MiB of values takes 0.2 s to parse, and some 20 MiB of memory. */
export const MAX_JSON_VALUES = 50_000;

/** Shorter texts cannot exceed a limit. */
const HARMLESS_LENGTH = 2 * MAX_JSON_DEPTH;

/**
 * Returns the limit that a JSON text exceeds, without parsing it; `undefined` for none. Array elements, object members, arrays and
 * objects count as values.
 */
export function exceededJsonLimit(
  text: string,
  maxValues = MAX_JSON_VALUES,
): 'depth' | 'values' | undefined {
  if (text.length <= HARMLESS_LENGTH) return undefined;
  let depth = 0;
  let values = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) {
      i = endOfString(text, i);
      if (i === -1) return undefined;
    } else if (char === COMMA) values++;
    else if (char === OPEN_OBJECT || char === OPEN_LIST) {
      values++;
      if (++depth > MAX_JSON_DEPTH) return 'depth';
    } else if (char === CLOSE_OBJECT || char === CLOSE_LIST) depth--;
    if (values > maxValues) return 'values';
  }
  return undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

/** Returns the end of a string that begins at `start`; -1 when it is unterminated. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

/** Returns true when an odd number of backslashes precedes a quotation mark. */
function isEscaped(text: string, at: number): boolean {
  let start = at;
  while (text.charCodeAt(start - 1) === BACKSLASH) start--;
  return (at - start) % 2 === 1;
}

/** @throws for invalid JSON, and for JSON over the depth or value limit */
export function parseJson(text: string, maxValues = MAX_JSON_VALUES): unknown {
  const exceeded = exceededJsonLimit(text, maxValues);
  if (exceeded) throw new Error(exceeded === 'depth' ? 'nested too deep' : 'too many values');
  return JSON.parse(text);
}
