import { isInstance } from './thrown.js';

/** Error of code that the host brings, such as its own carrier or a bot's listener. It ends one session as `failed`; its message is the reason. */
export class HostCodeError extends Error {
  /** @param what such as `the serializer threw in audio()`, for the log */
  constructor(
    readonly what: string,
    cause: unknown,
  ) {
    super(`${what.charAt(0).toUpperCase()}${what.slice(1)}.`, { cause });
  }
}

/** Returns a thrown value as an error that says where it was thrown. One that says so already stays as it is. */
export const hostCodeError = (thrown: unknown, what: string): HostCodeError =>
  isInstance(thrown, HostCodeError) ? thrown : new HostCodeError(what, thrown);
