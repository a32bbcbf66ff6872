import type { WebSocket } from 'ws';

/** Finds peers that vanished without a word: pings all sockets with one timer, and cuts off who stays silent. */
export class SocketLiveness {
  /** Whether each socket has been heard of since it was last pinged. */
  private readonly heard = new Map<WebSocket, boolean>();
  private timer: NodeJS.Timeout | undefined;

  /** @param pingIntervalMs a socket is cut off when a ping stays unanswered this long; 0 for never */
  constructor(private readonly pingIntervalMs: number) {}

  /** Watches a socket until it closes. */
  watch(socket: WebSocket): void {
    if (this.pingIntervalMs === 0) return;
    this.heard.set(socket, true);
    socket.on('pong', () => this.heard.set(socket, true));
    socket.once('close', () => {
      this.heard.delete(socket);
      if (this.heard.size === 0) this.stop();
    });
    this.timer ??= setInterval(() => this.sweep(), this.pingIntervalMs).unref();
  }

  private sweep(): void {
    for (const [socket, heard] of this.heard) {
      if (!heard) {
        socket.terminate();
      } else if (!socket.isPaused) {
        // A paused socket cannot hear its peer's answer.
        this.heard.set(socket, false);
        socket.ping();
      }
    }
  }

  private stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
