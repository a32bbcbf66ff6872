/**
 * What a handler of client messages throws to tell the client why there is no answer. Of any other error the client learns only that
 * there was one.
 */
export class ClientMessageError extends Error {
  override readonly name = 'ClientMessageError';
}
