import { parseJson } from '../../limits/json-limits.js';

/** The `label` of RTVI messages among other application messages. */
export const RTVI_LABEL = 'rtvi-ai';

/** A message that is a JSON object. */
export type JsonMessage = Record<string, unknown>;

const isJsonMessage = (value: unknown): value is JsonMessage =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Limit of values in a carrier's message: hundreds of them come in a turn of the event loop. */
const MAX_VALUES = 2_000;

/** A message as JSON; `undefined` when it is something else, or has more than 2,000 values. */
export function parseJsonMessage(data: Buffer): JsonMessage | undefined {
  try {
    const message = parseJson(data.toString(), MAX_VALUES);
    return isJsonMessage(message) ? message : undefined;
  } catch {
    return undefined;
  }
}

/** The object in a field of a message; empty when something else is there. */
export function objectIn(message: JsonMessage, field: string): JsonMessage {
  const value = message[field];
  return isJsonMessage(value) ? value : {};
}

/** The text in a field of a message; `undefined` when it is empty or something else. */
export function textIn(message: JsonMessage, field: string): string | undefined {
  const value = message[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The number in a field of a message, in figures or as text; `NaN` when something else is there. */
export function numberIn(message: JsonMessage, field: string): number {
  const value = message[field];
  return typeof value === 'number' ? value : Number(textIn(message, field) ?? NaN);
}

/**
 * An application message for a carrier, as Pipecat sends it: JSON of objects as they are.
 * @returns `undefined` for RTVI, which no carrier understands, and for what is no object
 */
export function applicationMessage(message: unknown): JsonMessage | undefined {
  return isJsonMessage(message) && message.label !== RTVI_LABEL ? message : undefined;
}

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
