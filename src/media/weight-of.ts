import type { BufferLimit } from './buffered-emitter.js';

/** What a value takes at least, in bytes. */
const LEAST_BYTES = 16;
/** What a list or an object takes beside its members, and a key beside its characters, in bytes. */
const CONTAINER_BYTES = 64;
const KEY_BYTES = 32;

/** About how much memory a value made from JSON takes, in bytes. Counts without recursion, for the other side decides how deep it goes. */
export function weightOf(json: unknown): number {
  const rest = [json];
  let bytes = 0;
  while (rest.length > 0) {
    const value = rest.pop();
    bytes += LEAST_BYTES;
    if (typeof value === 'string') bytes += LEAST_BYTES + value.length;
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

/** The buffer limit of messages that wait for a bot that does not read them: a thousand small ones. */
export const MESSAGE_BUFFER: BufferLimit<unknown> = {
  limit: 1_000_000,
  sizeOf: (message) => 1_000 + weightOf(message),
};
