import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';

/** What is known of a watched socket. */
interface Pulse {
  readonly tcp: IncomingMessage['socket'];
  /** How much had arrived when it was last pinged. */
  bytesRead: number;
}

/**
 * Finds peers that vanished without a word: pings all sockets with one timer, and cuts off those from which nothing at
 * all came in return. Whatever arrives counts, so a peer that ignores pings but sends media is safe.
 */
export class SocketLiveness {
  private readonly pulses = new Map<WebSocket, Pulse>();
  private timer: NodeJS.Timeout | undefined;

  /** @param pingIntervalMs a socket is cut off when a ping stays unanswered this long; 0 for never */
  constructor(private readonly pingIntervalMs: number) {}

  /** Watches a socket until it closes. @param request the one that opened it */
  watch(socket: WebSocket, request: IncomingMessage): void {
    if (this.pingIntervalMs === 0 || socket.readyState === socket.CLOSED) return;
    this.pulses.set(socket, { tcp: request.socket, bytesRead: -1 });
    socket.once('close', () => {
      this.pulses.delete(socket);
      if (this.pulses.size === 0) this.stop();
    });
    this.timer ??= setInterval(() => this.sweep(), this.pingIntervalMs).unref();
  }

  private sweep(): void {
    for (const [socket, pulse] of this.pulses) {
      if (socket.isPaused) {
        // It does not read, and so cannot hear its peer; once it does again, it is pinged anew.
        pulse.bytesRead = -1;
      } else if (pulse.tcp.bytesRead === pulse.bytesRead) {
        // Not terminate(), by which a bot leaves.
        pulse.tcp.destroy();
      } else {
        pulse.bytesRead = pulse.tcp.bytesRead;
        socket.ping();
      }
    }
  }

  private stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
