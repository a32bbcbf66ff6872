import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { RunnerWebSocket } from './runner-web-socket.js';

/** How a {@link RawSocketServer} treats its sockets. */
export interface RawSocketOptions {
  /** The largest message, in bytes. */
  readonly maxPayloadBytes: number;
  /** How long a peer may take to answer a close, in milliseconds. */
  readonly closeTimeoutMs: number;
}

/** More pieces of one message are refused, and so are more chunks that were read of it: each takes memory beside its bytes. */
const MAX_PIECES = 4_096;
const MAX_CHUNKS = 16_384;

/** Accepts the WebSockets of one gateway at its path, and one path segment deeper. Emits `connection` (socket, request). */
export class RawSocketServer extends EventEmitter {
  private readonly server: WebSocketServer;

  /** @param path the full path, such as `/voice/ws`, known only once the application is up */
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

  /** Takes the upgrade if its path is this server's; otherwise leaves it alone and returns false. */
  takes(pathname: string, request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const path = this.path();
    if (!pathname.startsWith(path)) return false;
    const rest = pathname.slice(path.length);
    const token = /^\/([^/]+)\/?$/.exec(rest)?.[1];
    if (rest !== '' && rest !== '/' && token === undefined) return false;
    this.server.handleUpgrade(request, socket, head, (accepted) => {
      const client = accepted as RunnerWebSocket;
      // Before anything else can happen: the first frames may be in `head` already.
      client.hold();
      client.origin = request.headers.origin;
      client.pathToken = token && decode(token);
      client.maxPayloadBytes = this.options.maxPayloadBytes;
      client.on('error', () => undefined);
      this.emit('connection', client, request);
    });
    return true;
  }

  /** Says goodbye (1001) to all, and resolves when all are gone; who does not answer is cut off after the close time-out. */
  async close(): Promise<void> {
    this.server.close();
    await Promise.all(
      [...this.server.clients].map(
        (client) =>
          new Promise<void>((resolve) => {
            client.once('close', () => resolve());
            client.close(1001, 'the server is going away');
            // A paused socket would not see the peer's answer.
            client.resume();
          }),
      ),
    );
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
