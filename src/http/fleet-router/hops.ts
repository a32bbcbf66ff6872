import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Validity of a signature, in milliseconds: as far may the clocks of two nodes be apart. */
const VALID_MS = 300_000;
/** Longest signature that is looked at, in characters. */
const MAX_LENGTH = 256;

/** Header of a request that a node has passed on, bound to method and path: `<expiry>.<nonce>.<MAC>`. */
export const HOP_HEADER = 'x-pipecat-fleet-hop';
/** Header of the question for a node's name, on each new connection between nodes, and that of the answer. */
export const ASK_HEADER = 'x-pipecat-fleet-ask';
export const PROOF_HEADER = 'x-pipecat-fleet-proof';
/** Header of the 421 that a node answers to a request for a session that it does not have. */
export const MISDIRECTED_HEADER = 'x-pipecat-fleet-misdirected';

/** True for a header between nodes, which no client may send and none is sent. */
export const isFleetHeader = (name: string): boolean => name.startsWith('x-pipecat-fleet-');

/** Signatures between nodes. They are not secret: each is bound to what it says, and gives nobody access to anything. */
export class Hops {
  /** @param keys the first one signs, all of them verify */
  constructor(private readonly keys: readonly [Buffer, ...Buffer[]]) {}

  /** Signs words for a while, each time differently. */
  sign(...words: readonly string[]): string {
    const stamp = `${Date.now() + VALID_MS}.${randomBytes(12).toString('base64url')}`;
    return `${stamp}.${macOf(this.keys[0], [stamp, ...words])}`;
  }

  /** Returns true for a signature of these words that a node of this fleet has made. Never throws. */
  isSigned(signature: string | undefined, ...words: readonly string[]): boolean {
    if (signature === undefined || signature.length > MAX_LENGTH) return false;
    const at = signature.lastIndexOf('.');
    const stamp = signature.slice(0, Math.max(0, at));
    // Short, so that a leaked one is worth nothing later; the clocks may differ either way.
    const leftMs = Number(stamp.split('.', 1)[0]) - Date.now();
    if (!(leftMs > 0 && leftMs < 2 * VALID_MS)) return false;
    const given = Buffer.from(signature.slice(at + 1));
    return this.keys.some((key) => {
      const expected = Buffer.from(macOf(key, [stamp, ...words]));
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
  }
}

/** Unambiguous, whatever the words. */
const macOf = (key: Buffer, words: readonly string[]): string =>
  createHmac('sha256', key).update(JSON.stringify(words)).digest('base64url');
