import { parseJsonMessage } from '../../../../media/serializers/json-message.js';

/** How much Plivo takes, in bytes. */
const MAX_EXTRA_HEADERS = 512;

/** Plivo takes only letters and digits. */
export const plain = (name: string): string => name.replace(/[^A-Za-z0-9]/g, '');

/**
 * Parameters as the attribute that Plivo hands back. Names lose what it does not take, so `from_number` goes as
 * `fromnumber`, and numbers their `+`; values with other characters, and what does not fit any more, are left out.
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

/** The prefix that Plivo gives the names in some of its forms. */
const PREFIX = /^X-PH-/i;

/** Plivo's pages and its customers know them as `a=1,b=2`, `a=1;b=2`, `{X-PH-a: 1, X-PH-b: 2}` and JSON. */
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
