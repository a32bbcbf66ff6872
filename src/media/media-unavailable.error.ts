/** There is no audio to be had from these arguments here; the message says what to do instead. */
export class MediaUnavailableError extends Error {
  override readonly name = 'MediaUnavailableError';
}
