import { hash } from 'node:crypto';

/**
 * API key of the runner: the random key itself, at least 16 characters, or its SHA-256 as `sha256:<64 hex digits>`, which keeps the configuration free
 * of secrets.
 */
export type RunnerKey =
  | string
  | {
      readonly key: string;
      /**
       * Name of the key's owner. Sessions of keys with the same name are counted together. Those started by a named public key can only be reached with
       * keys of that name, and private ones.
       * @default each key is counted by itself, and every key reaches its sessions
       */
      readonly name?: string;
      /** The most concurrent sessions of the key. @default the runner's limit */
      readonly maxSessions?: number;
    };

const HASHED = 'sha256:';

/** Returns the SHA-256 of a configured key. */
export function digestOf(configured: string): Buffer {
  return configured.startsWith(HASHED)
    ? Buffer.from(configured.slice(HASHED.length), 'hex')
    : sha256(configured);
}

export const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer');

/** Validates a list of keys, without repeating any in the message. */
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
