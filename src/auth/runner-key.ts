import { hash } from 'node:crypto';

/**
 * A key that opens the runner: the key itself, at least 16 characters and random, or its SHA-256 as `sha256:<64 hex digits>`, so that
 * the configuration holds no secret.
 */
export type RunnerKey =
  | string
  | {
      readonly key: string;
      /**
       * Whose key it is: sessions of keys with one name are counted together, and those that a public key with a name starts are reached only
       * with keys of that name, and private ones.
       * @default each key is counted by itself, and everybody with a key reaches its sessions
       */
      readonly name?: string;
      /** The most sessions that may be held at once with it. @default as many as the runner */
      readonly maxSessions?: number;
    };

const HASHED = 'sha256:';

/** The SHA-256 of a key, as it is configured. */
export function digestOf(configured: string): Buffer {
  return configured.startsWith(HASHED)
    ? Buffer.from(configured.slice(HASHED.length), 'hex')
    : sha256(configured);
}

export const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer');

/** Checks a list of keys, without repeating any in its message. */
export function checkKeys(value: unknown): string | undefined {
  if (!Array.isArray(value)) return 'must be a list of keys';
  for (const [i, entry] of value.entries()) {
    const problem = checkKey(entry);
    if (problem) return `[${i}] ${problem}`;
  }
  return undefined;
}

function checkKey(entry: unknown): string | undefined {
  const { key, name, maxSessions, ...unknown } = (
    typeof entry === 'string' ? { key: entry } : (entry ?? {})
  ) as Record<string, unknown>;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{16,}$/.test(key)) {
    const needed =
      'must be a key (at least 16 printable characters, no spaces) or { key, name?, maxSessions? }';
    return key === undefined ? `${needed}, not undefined` : needed;
  }
  if (key.startsWith(HASHED) && !/^[0-9a-f]{64}$/i.test(key.slice(HASHED.length))) {
    return 'must have 64 hex digits after sha256:';
  }
  if (name !== undefined && (typeof name !== 'string' || !name))
    return 'must have a string as name';
  if (
    maxSessions !== undefined &&
    !(Number.isSafeInteger(maxSessions) && Number(maxSessions) >= 1)
  ) {
    return 'must have a whole number of at least 1 as maxSessions';
  }
  const [stray] = Object.keys(unknown);
  return stray === undefined
    ? undefined
    : `has ${stray}, which is not known; there are key, name, maxSessions`;
}
