import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { ITEM_BYTES } from '../limits/item-bytes.js';
import { RunnerWebSocket } from '../websocket/runner-web-socket.js';

/** Past this much that one side has not read, no more is taken from the other. Bytes. */
const MAX_WAITING_BYTES = 65_536;

/**
 * Carries the messages of a peer's WebSocket to a bot's process and back: in order, text as text and bytes as bytes, at the pace of who
 * reads them, down to the code each side is closed with.
 */
export class SocketRelay {
  private readonly tunnel: WebSocket;
  private readonly ended: Promise<void>;
  private last = false;

  /** @param onBroken the process cut the connection without closing it, such as by being killed */
  constructor(
    private readonly peer: WebSocket,
    channel: Duplex,
    onBroken: () => void,
  ) {
    const tunnel = (this.tunnel = new WebSocket('ws://bot/', {
      createConnection: () => channel,
      perMessageDeflate: false,
      // Pipecat's transport checks it as well.
      origin: peer instanceof RunnerWebSocket ? peer.origin : undefined,
      // Nobody listens in on a pair of sockets; a key of zeros spares the masking.
      generateMask: (mask) => mask.fill(0),
    }));
    // `close` follows.
    tunnel.on('error', () => undefined);
    this.ended = new Promise((resolve) => tunnel.once('close', () => resolve()));
    this.forward(tunnel, peer);
    tunnel.once('open', () => this.forward(peer, tunnel));
    peer.once('close', (code, reason) => {
      const close = (): void => {
        // A connection that broke breaks here as well, once the bot has what came before.
        if (code === 1006) channel.end();
        else closeLike(tunnel, code, reason);
      };
      // Behind what was kept until now.
      if (tunnel.readyState === WebSocket.CONNECTING)
        tunnel.once('open', () => setImmediate(close));
      else close();
    });
    tunnel.once('close', (code, reason) => {
      if (code === 1006) onBroken();
      else closeLike(peer, code, reason);
    });
  }

  /** Passes on what is still on its way from a process that is gone. */
  async finish(): Promise<void> {
    this.last = true;
    this.tunnel.resume();
    await this.ended;
  }

  private forward(from: WebSocket, to: WebSocket): void {
    let unsent = 0;
    const waitingBytes = (): number => to.bufferedAmount + unsent * ITEM_BYTES;
    const goOn = (): void => {
      unsent--;
      if (from.isPaused && waitingBytes() <= MAX_WAITING_BYTES / 2) from.resume();
    };
    from.on('message', (data: Buffer, isBinary) => {
      if (to.readyState !== WebSocket.OPEN) return;
      unsent++;
      to.send(data, { binary: isBinary }, goOn);
      if (waitingBytes() > MAX_WAITING_BYTES && !this.last) from.pause();
    });
    // Or its end would never be noticed.
    to.once('close', () => from.resume());
  }
}

/** 1005 is no code: none was given. */
function closeLike(socket: WebSocket, code: number, reason: Buffer): void {
  if (code === 1005) socket.close();
  else socket.close(code, reason);
}
