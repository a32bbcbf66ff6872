/** How deep JSON may nest: not so deep that it cannot be written again, which takes recursion. */
export const MAX_JSON_DEPTH = 200;
/** How many values JSON may hold. A mebibyte of them takes the parser a fifth of a second, and their objects some twenty times their text. */
export const MAX_JSON_VALUES = 50_000;

/** No shorter text exceeds a limit. */
const HARMLESS_LENGTH = 2 * MAX_JSON_DEPTH;

/**
 * Which limit a text would exceed as JSON, without parsing it; `undefined` for none. Counts list members, object members and the lists and
 * objects themselves.
 */
export function exceededJsonLimit(text: string): 'depth' | 'values' | undefined {
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
    if (values > MAX_JSON_VALUES) return 'values';
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

/** Where a string ends that begins at `start`; -1 when it does not. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

/** Whether an odd number of backslashes stands before a quotation mark. */
function isEscaped(text: string, at: number): boolean {
  let start = at;
  while (text.charCodeAt(start - 1) === BACKSLASH) start--;
  return (at - start) % 2 === 1;
}
