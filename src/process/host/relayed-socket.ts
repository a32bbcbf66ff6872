import { once } from 'node:events';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { RunnerWebSocket } from '../../websocket/runner-web-socket.js';

const SOCKET_FD = 4;
/** Timeout for the runner to read the last messages, in milliseconds. */
const FLUSH_TIMEOUT_MS = 2_000;

/** WebSocket of the peer in the bot's process: a real one, opened by the runner over an inherited descriptor. */
export class RelayedSocket {
  /** Resolves when it is open. Frames are buffered until a listener is attached. */
  readonly opened: Promise<RunnerWebSocket>;

  /** @param onTerminate called when the bot cuts the connection without a close frame */
  constructor(
    onTerminate: () => void,
    private readonly stream = new Socket({ fd: SOCKET_FD, readable: true, writable: true }),
  ) {
    const http = createServer();
    const server = new WebSocketServer({
      server: http,
      WebSocket: RunnerWebSocket,
      perMessageDeflate: false,
    });
    server.on('connection', (socket: RunnerWebSocket) => {
      socket.hold();
      socket.on('error', () => undefined);
      const terminate = socket.terminate.bind(socket);
      socket.terminate = () => {
        onTerminate();
        terminate();
      };
    });
    this.opened = once(server, 'connection').then(([socket]) => socket as RunnerWebSocket);
    http.emit('connection', this.stream);
  }

  /**
   * Resolves when the runner has read all messages of the bot, or on timeout. Keeps reading: a process that exits with unread messages resets the
   * connection, which loses what the runner has not read.
   */
  async flush(): Promise<void> {
    const { stream } = this;
    const websocket = await this.opened;
    // Ignores messages that leftovers of the bot still send.
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
