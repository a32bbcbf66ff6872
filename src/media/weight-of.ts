/** What a value takes at least, in bytes. */
const LEAST_BYTES = 16;

/** About how much memory a value made from JSON takes, in bytes. Counts without recursion, for the other side decides how deep it goes. */
export function weightOf(json: unknown): number {
  const rest = [json];
  let bytes = 0;
  while (rest.length > 0) {
    const value = rest.pop();
    bytes += LEAST_BYTES;
    if (typeof value === 'string') bytes += value.length;
    else if (Array.isArray(value)) for (const member of value) rest.push(member);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value)) {
        bytes += key.length;
        rest.push(member);
      }
    }
  }
  return bytes;
}
