/** Error of a client message handler whose message is sent to the client. Other errors are sent without their message. */
export class ClientMessageError extends Error {
  override readonly name = 'ClientMessageError';
}
