import { RTVI_LABEL } from '../rtvi-label.js';
import { parseJson } from '../../limits/json-limits.js';

/** A message that is a JSON object. */
export type JsonMessage = Record<string, unknown>;

const isJsonMessage = (value: unknown): value is JsonMessage =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A message as JSON; `undefined` when it is something else. */
export function parseJsonMessage(data: Buffer): JsonMessage | undefined {
  try {
    const message = parseJson(data.toString());
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
