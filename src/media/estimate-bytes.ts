import type { BufferLimit } from './buffered-emitter.js';

/** Smallest size of a value, in bytes. */
const MIN_BYTES = 16;
/** Overhead of an array or object beside its members, and of a key beside its characters, in bytes. */
const CONTAINER_BYTES = 64;
const KEY_BYTES = 32;

/** Estimates the memory of a value parsed from JSON, in bytes. Iterative, because the client decides the nesting depth. */
export function estimateBytes(json: unknown): number {
  const rest = [json];
  let bytes = 0;
  while (rest.length > 0) {
    const value = rest.pop();
    bytes += MIN_BYTES;
    if (typeof value === 'string') bytes += MIN_BYTES + value.length;
    else if (typeof value === 'object' && value !== null) {
      bytes += CONTAINER_BYTES;
      if (Array.isArray(value)) for (const member of value) rest.push(member);
      else {
        for (const [key, member] of Object.entries(value)) {
          bytes += KEY_BYTES + key.length;
          rest.push(member);
        }
      }
    }
  }
  return bytes;
}

/** Buffer limit of unread messages: about 1,000 small ones. */
export const MESSAGE_BUFFER: BufferLimit<unknown> = {
  limit: 1_000_000,
  sizeOf: (message) => 1_000 + estimateBytes(message),
};
