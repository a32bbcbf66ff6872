import { once } from 'node:events';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { RunnerWebSocket } from '../../websocket/runner-web-socket.js';

const SOCKET_FD = 4;
/** How long the runner's reading is waited for in the end, in milliseconds. */
const FLUSH_TIMEOUT_MS = 2_000;

/** The WebSocket of the peer, in the process of the bot: a real one, that the runner opens over an inherited descriptor. */
export class RelayedSocket {
  private readonly stream = new Socket({ fd: SOCKET_FD, readable: true, writable: true });
  /** Resolves once it is open; its frames are held until somebody listens. */
  readonly opened: Promise<RunnerWebSocket>;

  constructor() {
    const http = createServer();
    const server = new WebSocketServer({
      server: http,
      WebSocket: RunnerWebSocket,
      perMessageDeflate: false,
    });
    server.on('connection', (socket: RunnerWebSocket) => {
      socket.hold();
      socket.on('error', () => undefined);
    });
    this.opened = once(server, 'connection').then(([socket]) => socket as RunnerWebSocket);
    http.emit('connection', this.stream);
  }

  /**
   * Resolves when the runner has read everything the bot has sent, or does not within the time. Reads on meanwhile: a process that went with
   * messages unread would break the connection, and what the runner had not read were lost.
   */
  async flush(): Promise<void> {
    const { stream } = this;
    const websocket = await this.opened;
    // What the bot has left behind may go on sending.
    websocket.send = () => undefined;
    websocket.on('message', () => undefined);
    websocket.resume();
    if (stream.closed) return;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, FLUSH_TIMEOUT_MS);
      stream.once('close', resolve);
      stream.end();
    });
  }
}
