import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** True for an upgrade to WebSocket; other protocols may be ignored (RFC 9110, 7.8). */
export const isToWebSocket = ({ headers }: IncomingMessage): boolean =>
  /(^|,)\s*websocket\s*(,|$)/i.test(headers.upgrade ?? '');

/**
 * Ignores an upgrade to another protocol. Once there is an `upgrade` listener, Node answers no request that offers HTTP/2 (`Upgrade: h2c`, as Java's
 * client and curl do). Node 22 and 24 have an option, but lose data that arrives in one chunk with the request.
 */
export function goOnWithoutUpgrade(
  http: Server,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.on('error', ignore);
  // One that was dropped may be the length of the body, which would then be taken for a request.
  if (hasDroppedHeaders(http, request)) return whenIdle(socket, () => refuseHeaders(socket));
  socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]));
  whenIdle(socket, () => {
    socket.off('error', ignore);
    // Removes the keep-alive timeout of an idle connection.
    if (socket instanceof Socket) socket.setTimeout(0);
    http.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket);
  });
}

/** Node handles errors of the connection before and after. */
const ignore = (): void => undefined;

/** The most headers of a request that Node keeps, unless the server says otherwise. */
const MAX_HEADERS = 1_000;

function hasDroppedHeaders({ maxHeadersCount }: Server, { rawHeaders }: IncomingMessage): boolean {
  const most = maxHeadersCount ?? MAX_HEADERS;
  return most > 0 && rawHeaders.length >= 2 * most;
}

function refuseHeaders(socket: Duplex): void {
  socket.once('finish', () => socket.destroy());
  socket.end(
    'HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
  );
}

const OF_THE_UPGRADE = ['upgrade', 'http2-settings'];

/** Returns the request line and raw headers, without those of the upgrade. */
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

/** Waits for pending answers on the connection; Node keeps the one being written. */
function whenIdle(
  socket: Duplex & { _httpMessage?: ServerResponse | null },
  then: () => void,
): void {
  const { _httpMessage: answer } = socket;
  if (answer) answer.once('close', () => whenIdle(socket, then));
  else if (!socket.destroyed) then();
}

/**
 * Discards the rest of a body. Node's own way, which it takes for a body that nobody read, costs least for many small chunks: the parser no longer
 * hands them on. HTTP/2 has no such way.
 */
export function dumpBody(request: IncomingMessage & { _dump?: () => void }): void {
  if (request._dump) request._dump();
  else request.resume();
}

/** Node's return value for a request after which the parser stops, as it does for an upgrade. */
const STOP = 2;

interface ParsedSocket extends Socket {
  parser?: { onIncoming?: ((request: IncomingMessage, ...rest: unknown[]) => unknown) | null };
}

/**
 * Stops the parser of an HTTP/1 connection at a request, before Node makes a response for it. Else Node goes on with all requests of the chunk it has
 * read, 64 KiB, although the connection is destroyed, and makes an error for each.
 * @param isStopped asked at each further request of the connection
 */
export function stopParsing(socket: ParsedSocket, isStopped: () => boolean): void {
  const { parser } = socket;
  const take = parser?.onIncoming;
  if (!parser || !take) return;
  parser.onIncoming = (...request) => (isStopped() ? STOP : take(...request));
}

const paced = new WeakSet<Socket>();

/**
 * Bounds what a body in tiny chunks costs, which Node hands on one by one: a megabyte in chunks of one byte holds the event loop for 300 ms and makes
 * 30 MB of strings in a body parser. The chunks of each read are handed on as one, and the connection is read once in each turn of the event loop. Does
 * nothing for other bodies.
 */
export function paceChunks(message: IncomingMessage): void {
  if (message.httpVersionMajor !== 1 || !message.headers['transfer-encoding']) return;
  mergeChunks(message);
  if (paced.has(message.socket)) return;
  paced.add(message.socket);
  readOncePerTurn(message.socket);
}

function mergeChunks(message: IncomingMessage): void {
  const push = message.push.bind(message);
  let chunks: Buffer[] = [];
  const flush = (): void => {
    const [first] = chunks;
    if (!first) return;
    const merged = chunks.length === 1 ? first : Buffer.concat(chunks);
    chunks = [];
    // As Node does it.
    if (!push(merged)) message.socket.pause();
  };
  message.push = (chunk: Buffer | null) => {
    if (!chunk) {
      flush();
      return push(null);
    }
    // Node runs what waits for the next tick between two chunks of a read.
    if (chunks.push(chunk) === 1) setImmediate(flush);
    return true;
  };
}

/** libuv reads up to 32 times in a turn, 64 KiB each. Over when the connection is upgraded. */
function readOncePerTurn(socket: ParsedSocket): void {
  const wait = (): void => {
    if (!socket.parser) {
      paced.delete(socket);
      socket.off('data', wait);
      return;
    }
    let isToResume = !socket.isPaused();
    socket.pause();
    // Node pauses and resumes the connection for whoever reads the body.
    socket.pause = () => ((isToResume = false), socket);
    socket.resume = () => ((isToResume = true), socket);
    setImmediate(() => {
      Reflect.deleteProperty(socket, 'pause');
      Reflect.deleteProperty(socket, 'resume');
      if (isToResume) socket.resume();
    });
  };
  socket.on('data', wait);
}

/**
 * Closes a response whose connection is closed, as Node does it for the response being sent. Those queued behind it, of pipelined requests, never get
 * the connection, and Node emits no `close` on them.
 */
export function closeResponse(response: ServerResponse): void {
  if (response.closed) return;
  Object.assign(response, { destroyed: true, _closed: true });
  response.emit('close');
}

type Value = number | string | string[];

/**
 * Calls back when the headers of a response are complete and about to be sent, wherever they were set.
 * @param change reads and sets headers on the response
 */
export function beforeHeaders(response: ServerResponse, change: () => void): void {
  const writeHead = response.writeHead.bind(response) as (
    status: number,
    reason?: string,
  ) => unknown;
  const patched = (status: number, ...rest: unknown[]): unknown => {
    Object.assign(response, { writeHead });
    // Fastify passes all headers here instead of setting them on the response.
    for (const [name, value] of entriesOf(rest.at(-1))) response.setHeader(name, value);
    change();
    const [reason] = rest;
    return writeHead(status, ...(typeof reason === 'string' ? [reason] : []));
  };
  Object.assign(response, { writeHead: patched });
}

/** Returns headers as `writeHead` accepts them: an object, or a flat list of names and values. */
function entriesOf(headers: unknown): [string, Value][] {
  if (typeof headers !== 'object' || headers === null) return [];
  const entries = Array.isArray(headers) ? inPairs(headers.flat()) : Object.entries(headers);
  return entries.filter((entry): entry is [string, Value] => entry[1] !== undefined);
}

const inPairs = (list: unknown[]): [string, unknown][] =>
  list.flatMap((name, i): [string, unknown][] =>
    i % 2 === 0 ? [[String(name), list[i + 1]]] : [],
  );
