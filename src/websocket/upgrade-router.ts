import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { RunnerLogger } from '../errors/runner-logger.js';
import { goOnWithoutUpgrade, isToWebSocket } from '../compat/node-http.js';
import { EventEmitter } from 'node:events';
import { isHost, NO_HOST } from '../http/http-request.js';
import { WebSocketServer } from 'ws';
import { RunnerWebSocket } from './runner-web-socket.js';
import { decodeSegment, upgradeOf } from './upgrade-request.js';

/**
 * Router ahead of all other `upgrade` listeners of an HTTP server, whenever they were added. It hides the runner's upgrades from them, since some
 * destroy every upgrade they do not know (such as Nest's `WsAdapter`). An upgrade without a taker is answered 404; another protocol than WebSocket
 * is ignored, as if no upgrade had been requested.
 */
export class UpgradeRouter {
  private readonly servers: RawSocketServer[] = [];

  constructor(http: Server) {
    const emit = http.emit.bind(http);
    http.emit = (event: string, ...args: unknown[]): boolean => {
      if (event !== 'upgrade') return emit(event, ...args);
      const upgrade = args as Upgrade;
      if (isToWebSocket(upgrade[0])) return this.takes(...upgrade) || emit(event, ...args);
      goOnWithoutUpgrade(http, ...upgrade);
      return true;
    };
    // HTTP/2 servers have the timeouts of HTTP/1 where they support it.
    if (!Reflect.has(http, 'headersTimeout')) http.once('listening', warnOfHttp2);
    // Node needs a listener to upgrade; this one is alone where the host has no WebSockets.
    http.on('upgrade', (_request, socket) => {
      if (http.listenerCount('upgrade') === 1) refuse(socket, NOT_FOUND);
    });
  }

  add(server: RawSocketServer): void {
    this.servers.push(server);
    // Longest path first: a token below one path may be another gateway's path.
    this.servers.sort((a, b) => b.path().length - a.path().length);
  }

  private takes(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const url = request.url ?? '/';
    const end = url.search(/[?#]/);
    const path = end === -1 ? url : url.slice(0, end);
    return this.servers.some((server) => server.takes(path, request, socket, head));
  }
}

type Upgrade = [IncomingMessage, Duplex, Buffer];

function warnOfHttp2(): void {
  new RunnerLogger('PipecatRunner').warn(
    'WebSockets cannot be opened on a server that speaks HTTP/2 alone: ' +
      'new FastifyAdapter({ http2: true, https: { …, allowHTTP1: true } }) lets them in.',
  );
}

interface Refusal {
  readonly statusCode: number;
  readonly phrase: string;
  readonly detail: string;
}

const NOT_FOUND: Refusal = {
  ...{ statusCode: 404, phrase: 'Not Found' },
  detail: 'There is no WebSocket at this path.',
};
const BAD_HOST: Refusal = {
  ...{ statusCode: 400, phrase: 'Bad Request' },
  detail: NO_HOST,
};

function refuse(socket: Duplex, { statusCode, phrase, detail }: Refusal): void {
  const body = JSON.stringify({ statusCode, error: phrase, message: detail, detail });
  // The peer may never close its half.
  socket.on('error', () => undefined).once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${statusCode} ${phrase}\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Options of the sockets of a {@link RawSocketServer}. */
export interface RawSocketOptions {
  /** Largest message, in bytes. */
  readonly maxPayloadBytes: number;
  /** Close handshake timeout, in milliseconds. */
  readonly closeTimeoutMs: number;
  /** Returns true for an `Authorization` that may be a key of the runner. Never throws. @default every Bearer may be one */
  readonly isCredential?: (authorization: string) => boolean;
  /** Passes an upgrade on to another node. @returns `undefined` for one that is served here; false if there is no such node. Never rejects. */
  readonly passUpgrade?: (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    pathToken: string | undefined,
  ) => Promise<boolean> | undefined;
}

/** The most fragments of a message, and the most chunks read of it: each takes memory beside its bytes. */
const MAX_PIECES = 4_096;
const MAX_CHUNKS = 16_384;

/** WebSocket server of one gateway at its path and one path segment below it. Emits `connection` (socket, request). */
export class RawSocketServer extends EventEmitter {
  private readonly server: WebSocketServer;

  /** @param path full path, such as `/voice/ws`, known once the application is initialised */
  constructor(
    readonly path: () => string,
    private readonly options: RawSocketOptions,
  ) {
    super();
    this.server = new WebSocketServer({
      noServer: true,
      WebSocket: RunnerWebSocket,
      maxPayload: options.maxPayloadBytes,
      perMessageDeflate: false,
      ...({
        closeTimeout: options.closeTimeoutMs,
        maxFragments: MAX_PIECES,
        maxBufferedChunks: MAX_CHUNKS,
      } as object),
    });
  }

  /** Accepts the upgrade if its path is this server's. @returns false for another path */
  takes(pathname: string, request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const path = this.path();
    if (!pathname.startsWith(path)) return false;
    const rest = pathname.slice(path.length);
    const token = /^\/([^/]+)\/?$/.exec(rest)?.[1];
    if (rest !== '' && rest !== '/' && token === undefined) return false;
    if (!isHost(request.headers.host)) {
      refuse(socket, BAD_HOST);
      return true;
    }
    const accept = (): void => this.accept(pathname, token, request, socket, head);
    const pathToken = token && decodeSegment(token);
    const passing = this.options.passUpgrade?.(request, socket, head, pathToken);
    if (passing) void passing.then((isPassed) => isPassed || accept());
    else accept();
    return true;
  }

  private accept(
    pathname: string,
    token: string | undefined,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): void {
    this.server.handleUpgrade(request, socket, head, (accepted) => {
      const client = accepted as RunnerWebSocket;
      // The first frames may already be in `head`.
      client.hold();
      client.upgrade = upgradeOf(request, pathname, this.options.isCredential);
      client.pathToken = token && decodeSegment(token);
      client.maxPayloadBytes = this.options.maxPayloadBytes;
      client.on('error', () => undefined);
      this.emit('connection', client, request);
    });
  }

  /** Closes all sockets (close code 1001) and resolves when they are closed. A peer that does not answer is cut after the close timeout. */
  async close(): Promise<void> {
    this.server.close();
    await Promise.all(
      [...this.server.clients].map(
        (client) =>
          new Promise<void>((resolve) => {
            client.once('close', () => resolve());
            client.close(1001, 'the server is going away');
            // A paused socket would not read the peer's close frame.
            client.resume();
          }),
      ),
    );
  }
}
