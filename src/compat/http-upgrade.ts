import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** Whether an upgrade is to WebSocket, as opposed to another protocol, without which HTTP/1.1 may go on (RFC 9110, 7.8). */
export const isToWebSocket = ({ headers }: IncomingMessage): boolean =>
  /(^|,)\s*websocket\s*(,|$)/i.test(headers.upgrade ?? '');

/**
 * Has a server take an upgrade that it emitted for a request after all: as soon as there is a listener for `upgrade`, Node answers no request
 * any more that offers HTTP/2 (`Upgrade: h2c`, as Java's client and curl do). Node 22 and 24 can be told so beforehand, but then lose what comes in
 * one piece with the request.
 */
export function goOnWithoutUpgrade(
  http: Server,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]));
  socket.on('error', ignore);
  whenIdle(socket, () => {
    socket.off('error', ignore);
    // That of an idle connection, if there was a request before.
    if (socket instanceof Socket) socket.setTimeout(0);
    http.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket);
  });
}

/** Node listens for errors of the connection before and after. */
const ignore = (): void => undefined;

const OF_THE_UPGRADE = ['upgrade', 'http2-settings'];

/** The request line and headers of a request as they came, but for those of the upgrade. */
function headWithoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const value = rawHeaders[i + 1]!;
    if (OF_THE_UPGRADE.includes(name.toLowerCase())) continue;
    if (name.toLowerCase() !== 'connection') {
      lines.push(`${name}: ${value}`);
      continue;
    }
    const options = value.split(',').map((option) => option.trim());
    const left = options.filter((option) => !OF_THE_UPGRADE.includes(option.toLowerCase()));
    if (left.length > 0) lines.push(`${name}: ${left.join(', ')}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** Waits for the answers to requests that came before on the connection, on which Node notes the one that is being written. */
function whenIdle(
  socket: Duplex & { _httpMessage?: ServerResponse | null },
  then: () => void,
): void {
  const { _httpMessage: answer } = socket;
  if (answer) answer.once('close', () => whenIdle(socket, then));
  else if (!socket.destroyed) then();
}
