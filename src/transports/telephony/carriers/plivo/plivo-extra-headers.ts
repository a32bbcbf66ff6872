import { parseJsonMessage } from '../../../../media/serializers/json-message.js';
import { isObject } from '../../../../validation/is-object.js';

/** Plivo's limit of the attribute, in bytes. */
const MAX_EXTRA_HEADERS = 512;

/** Removes characters other than letters and digits, which Plivo refuses. */
export const plain = (name: string): string => name.replace(/[^A-Za-z0-9]/g, '');

/**
 * Encodes parameters as the `extraHeaders` attribute that Plivo returns. Names lose unsupported characters, so `from_number` becomes `fromnumber`;
 * numbers lose their `+`. Values with other characters, and those beyond the limit, are left out.
 */
export function extraHeaders(parameters: Readonly<Record<string, string>>): string {
  let headers = '';
  for (const [name, text] of Object.entries(parameters)) {
    const value = text.replace(/^\+(?=\d+$)/, '');
    if (!plain(name) || !/^[A-Za-z0-9]+$/.test(value)) continue;
    const longer = `${headers && `${headers},`}${plain(name)}=${value}`;
    if (longer.length <= MAX_EXTRA_HEADERS) headers = longer;
  }
  return headers && ` extraHeaders="${headers}"`;
}

/** Plivo's prefix of names in some formats. */
const PREFIX = /^X-PH-/i;

/** Separator of two headers. One without a name after it belongs to the value. */
const BETWEEN = /[,;]\s*(?=[^,;=:\s]+\s*[=:])/;

/**
 * Parses extra headers in the formats that Plivo documents and sends: `a=1,b=2`, `a=1;b=2`, `{X-PH-a: 1, X-PH-b: 2}` and JSON. All are read alike:
 * without the prefix, numbers and flags as text.
 */
export function parametersIn(extraHeaders: unknown): Record<string, string> {
  if (isObject(extraHeaders)) return fromPairs(Object.entries(extraHeaders));
  if (typeof extraHeaders !== 'string') return {};
  const [, braced] = /^\s*\{(.*)\}\s*$/s.exec(extraHeaders) ?? [];
  const json = braced === undefined ? undefined : parseJsonMessage(Buffer.from(extraHeaders));
  return fromPairs(
    json ? Object.entries(json) : (braced ?? extraHeaders).split(BETWEEN).map(pairIn),
  );
}

function pairIn(text: string): [name: string, value: string] {
  const at = text.search(/[=:]/);
  return at < 0 ? ['', ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

const fromPairs = (pairs: readonly (readonly [string, unknown])[]): Record<string, string> =>
  Object.fromEntries(
    pairs.flatMap(([name, value]) => {
      const plainName = name.replace(PREFIX, '');
      const text = textOf(value);
      return plainName && text && plainName !== '__proto__' ? [[plainName, text] as const] : [];
    }),
  );

const textOf = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string'
    ? String(value)
    : '';
