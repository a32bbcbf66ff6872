/** Error of `createTransport` for arguments without media here. The message names the alternative. */
export class MediaUnavailableError extends Error {
  override readonly name = 'MediaUnavailableError';
}
