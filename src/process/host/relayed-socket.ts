import { once } from 'node:events';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { RunnerWebSocket } from '../../websocket/runner-web-socket.js';

const SOCKET_FD = 4;
/** How long the peer's reading is waited for in the end, in milliseconds. */
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

  /** Resolves when everything the bot has sent is on its way, or nobody reads it. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, FLUSH_TIMEOUT_MS);
      this.stream.end(resolve);
    });
  }
}
