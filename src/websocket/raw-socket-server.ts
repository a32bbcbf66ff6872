import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { RunnerWebSocket } from './runner-web-socket.js';
import { decodeSegment, upgradeOf } from './upgrade-request.js';

/** Options of the sockets of a {@link RawSocketServer}. */
export interface RawSocketOptions {
  /** Largest message, in bytes. */
  readonly maxPayloadBytes: number;
  /** Close handshake timeout, in milliseconds. */
  readonly closeTimeoutMs: number;
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
    this.server.handleUpgrade(request, socket, head, (accepted) => {
      const client = accepted as RunnerWebSocket;
      // The first frames may already be in `head`.
      client.hold();
      client.upgrade = upgradeOf(request, pathname);
      client.pathToken = token && decodeSegment(token);
      client.maxPayloadBytes = this.options.maxPayloadBytes;
      client.on('error', () => undefined);
      this.emit('connection', client, request);
    });
    return true;
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
