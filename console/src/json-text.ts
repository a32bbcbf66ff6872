/** Parses typed JSON: empty where none was typed; nothing when it is no JSON. */
export function parseJson(text: string): { readonly json?: unknown } | undefined {
  try {
    return text.trim() === '' ? {} : { json: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
