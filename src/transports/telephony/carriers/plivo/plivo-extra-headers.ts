import { parseJsonMessage } from '../../../../media/serializers/json-message.js';

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

/** Parses extra headers in the formats that Plivo documents and customers use: `a=1,b=2`, `a=1;b=2`, `{X-PH-a: 1, X-PH-b: 2}` and JSON. */
export function parametersIn(extraHeaders: unknown): Record<string, string> {
  if (typeof extraHeaders === 'object' && extraHeaders !== null) {
    return fromPairs(Object.entries(extraHeaders));
  }
  if (typeof extraHeaders !== 'string') return {};
  const [, braced] = /^\s*\{(.*)\}\s*$/s.exec(extraHeaders) ?? [];
  if (braced === undefined) return fromPairs(splitPairs(extraHeaders, '='));
  const json = parseJsonMessage(Buffer.from(extraHeaders));
  return fromPairs(json ? Object.entries(json) : splitPairs(braced, ':'));
}

const splitPairs = (text: string, separator: string): string[][] =>
  text.split(/[,;]/).map((pair) => {
    const [name = '', ...value] = pair.split(separator);
    return [name.trim(), value.join(separator).trim()];
  });

const fromPairs = (pairs: Iterable<readonly unknown[]>): Record<string, string> =>
  Object.fromEntries(
    [...pairs].flatMap(([name, value]) => {
      const plainName = String(name).replace(PREFIX, '');
      return plainName && typeof value === 'string' && value && plainName !== '__proto__'
        ? [[plainName, value] as const]
        : [];
    }),
  );
