import type { WebSocket } from 'ws';

/** Untyped internals of a ws socket. */
interface WsSocket {
  readonly _closeFrameReceived: boolean;
  readonly _pendingAutoPongs: number;
  readonly _maxPendingAutoPongs: number;
  readonly _receiver: { _allowSynchronousEvents: boolean } | null;
}

const fieldsOf = (socket: WebSocket): WsSocket => socket as unknown as WsSocket;

/** True once the peer's close frame was received. */
export const hasPeerClosed = (socket: WebSocket): boolean => fieldsOf(socket)._closeFrameReceived;

/** True if the peer sends pings without reading the pongs, so that ws gives it up. */
export function ignoresPongs(socket: WebSocket): boolean {
  const { _pendingAutoPongs, _maxPendingAutoPongs } = fieldsOf(socket);
  return _pendingAutoPongs >= _maxPendingAutoPongs;
}

/** Makes ws emit the next message immediately, or after a turn of the event loop, with reading paused meanwhile. */
export function passOnAtOnce(socket: WebSocket, atOnce: boolean): void {
  const { _receiver } = fieldsOf(socket);
  if (_receiver) _receiver._allowSynchronousEvents = atOnce;
}
