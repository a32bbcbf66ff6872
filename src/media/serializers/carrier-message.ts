/** A JSON message of a carrier. */
export type CarrierMessage = Record<string, unknown>;

/** A message as JSON; `undefined` when it is something else. */
export function parseCarrierMessage(data: Buffer): CarrierMessage | undefined {
  try {
    const message: unknown = JSON.parse(data.toString());
    return typeof message === 'object' && message !== null && !Array.isArray(message)
      ? (message as CarrierMessage)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The object in a field of a message; empty when something else is there. */
export function objectIn(message: CarrierMessage, field: string): CarrierMessage {
  const value = message[field];
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as CarrierMessage)
    : {};
}

/** The text in a field of a message; `undefined` when it is empty or something else. */
export function textIn(message: CarrierMessage, field: string): string | undefined {
  const value = message[field];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The number in a field of a message, in figures or as text; `NaN` when something else is there. */
export function numberIn(message: CarrierMessage, field: string): number {
  const value = message[field];
  return typeof value === 'number' ? value : Number(textIn(message, field) ?? NaN);
}

/** A message for a carrier. */
export const asJson = (message: CarrierMessage): Buffer => Buffer.from(JSON.stringify(message));
