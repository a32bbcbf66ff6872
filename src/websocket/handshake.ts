import type { WebSocket } from 'ws';

const handshakes = new WeakMap<WebSocket, readonly string[]>();

/** Notes the first messages of a socket, which were read to learn who is there: whoever takes it over may want to read them too. */
export const noteHandshake = (socket: WebSocket, messages: readonly string[]): void =>
  void handshakes.set(socket, messages);

/** The messages that were read before the bot got the socket; none for a plain client. */
export const handshakeOf = (socket: WebSocket): readonly string[] => handshakes.get(socket) ?? [];
