import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';

/** Heartbeat state of a watched socket. */
interface Pulse {
  readonly tcp: IncomingMessage['socket'];
  /** Bytes received at the time of the last ping. */
  bytesRead: number;
}

/**
 * Keep-alive: pings all sockets with one timer, and disconnects those that have sent nothing since the last ping. Any data counts, so a peer
 * that ignores pings but sends media stays connected.
 */
export class SocketLiveness {
  private readonly pulses = new Map<WebSocket, Pulse>();
  private timer: NodeJS.Timeout | undefined;

  /** @param pingIntervalMs interval of pings, and heartbeat timeout; 0 disables both */
  constructor(private readonly pingIntervalMs: number) {}

  /** Watches a socket until it closes. @param request the upgrade request */
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
        // Paused by backpressure, so no pong can be read. It is pinged again once it resumes.
        pulse.bytesRead = -1;
      } else if (pulse.tcp.bytesRead === pulse.bytesRead) {
        // Unlike terminate(), which marks a close from this side.
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
