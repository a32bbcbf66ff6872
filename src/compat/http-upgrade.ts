import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** Whether a request asks for a WebSocket, as opposed to another protocol, which HTTP/1.1 may go on without (RFC 9110, 7.8). */
const wantsWebSocket = ({ headers }: IncomingMessage): boolean =>
  /(^|,)\s*websocket\s*(,|$)/i.test(headers.upgrade ?? '');

/** What Node 22.21, 24.9 and later ask before they emit `upgrade` instead of `request`. */
interface AsksBeforeUpgrade {
  shouldUpgradeCallback(request: IncomingMessage): boolean;
}

const asks = (http: object): http is AsksBeforeUpgrade => 'shouldUpgradeCallback' in http;

/**
 * Has Node upgrade to WebSocket and nothing else: as soon as a server has a listener for `upgrade`, requests that offer HTTP/2
 * (`Upgrade: h2c`, as Java's client and curl do) would not be answered any more.
 *
 * @returns to be asked in the event `upgrade`, where older versions of Node cannot be told: whether it was no WebSocket and goes on as a request
 */
export function upgradeOnlyWebSockets(
  http: Server,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean {
  if (asks(http)) {
    const asked = http.shouldUpgradeCallback.bind(http);
    http.shouldUpgradeCallback = (request) => wantsWebSocket(request) && asked(request);
  }
  return (request, socket, head) => {
    if (wantsWebSocket(request)) return false;
    socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]));
    socket.on('error', ignore);
    whenIdle(socket, () => {
      socket.off('error', ignore);
      // That of an idle connection, if there was a request before.
      if (socket instanceof Socket) socket.setTimeout(0);
      http.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket);
    });
    return true;
  };
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
