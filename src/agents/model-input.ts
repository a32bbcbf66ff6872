/** Limit of the input that waits for a model, in bytes: half a minute of audio. */
const MAX_WAITING_BYTES = 2_000_000;

/** Refusal of a client's text, while the model takes its input too slowly. */
export const TOO_MUCH_INPUT = 'Too much input waits for the model.';

/** Warning of a user's audio that is dropped for the same reason. */
export const UNREAD_INPUT = 'the model does not take its input in time; it is dropped';

/** Returns true when there is room for more input, as there always is while nothing waits. @param waiting in bytes, as `bytes` */
export const hasRoom = (waiting: number, bytes: number): boolean =>
  waiting === 0 || waiting + bytes <= MAX_WAITING_BYTES;
