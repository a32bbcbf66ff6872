/**
 * Bytes from base64 in which nothing is missing: Node itself takes anything, and leaves out what it does not understand.
 * @returns `undefined` when the text is cut off or holds other characters
 */
export function decodeBase64(text: string): Buffer | undefined {
  const { length } = text;
  if (length % 4 !== 0) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === (length / 4) * 3 - padding ? bytes : undefined;
}
