import type { WebSocket } from 'ws';

/** Fields of a socket of ws that are not in its types. */
interface WsSocket {
  readonly _closeFrameReceived: boolean;
  readonly _pendingAutoPongs: number;
  readonly _maxPendingAutoPongs: number;
  readonly _receiver: { _allowSynchronousEvents: boolean } | null;
}

const fieldsOf = (socket: WebSocket): WsSocket => socket as unknown as WsSocket;

/** Whether the close frame of the peer has come. */
export const hasPeerClosed = (socket: WebSocket): boolean => fieldsOf(socket)._closeFrameReceived;

/** Whether the peer pings and does not read the answers, so that ws gives it up. */
export function ignoresPongs(socket: WebSocket): boolean {
  const { _pendingAutoPongs, _maxPendingAutoPongs } = fieldsOf(socket);
  return _pendingAutoPongs >= _maxPendingAutoPongs;
}

/** Has ws pass on the next message at once, or put it off until the event loop has had a turn, and read nothing meanwhile. */
export function passOnAtOnce(socket: WebSocket, atOnce: boolean): void {
  const { _receiver } = fieldsOf(socket);
  if (_receiver) _receiver._allowSynchronousEvents = atOnce;
}
