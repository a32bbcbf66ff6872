import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { ITEM_BYTES } from '../limits/item-bytes.js';
import { RunnerWebSocket } from '../websocket/runner-web-socket.js';

/** Past this much that one side has not read, no more is taken from the other. Bytes. */
const MAX_WAITING_BYTES = 65_536;

/** The largest message to a peer that is none of the runner's own sockets, which have theirs. Bytes. */
const MAX_PAYLOAD_BYTES = 1_048_576;
/** The most that waits for a peer of what a process that is gone has left in its socket, where there is less. Bytes. */
const MAX_LAST_BYTES = 4_194_304;

/** The ends of a {@link SocketRelay} that the bot is to blame for. */
export interface RelayEvents {
  /** The process broke the protocol. */
  faulty(problem: string): void;
  /** The process cut the connection without closing it, such as by being killed. */
  broken(): void;
}

/**
 * Carries the messages of a peer's WebSocket to a bot's process and back: in order, text as text and bytes as bytes, at the pace of who
 * reads them, down to the code each side is closed with.
 */
export class SocketRelay {
  private readonly tunnel: WebSocket;
  private readonly ended: Promise<void>;
  private last = false;

  constructor(
    private readonly peer: WebSocket,
    channel: Duplex,
    events: RelayEvents,
  ) {
    const own = peer instanceof RunnerWebSocket ? peer : undefined;
    const maxPayload = own?.maxPayloadBytes ?? MAX_PAYLOAD_BYTES;
    const tunnel = (this.tunnel = new WebSocket('ws://bot/', {
      createConnection: () => channel,
      perMessageDeflate: false,
      // Pipecat's transport checks it as well.
      origin: own?.origin,
      maxPayload,
      // Nobody listens in on a pair of sockets; a key of zeros spares the masking.
      generateMask: (mask) => mask.fill(0),
    }));
    let isFaulty = false;
    // `close` follows.
    tunnel.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      isFaulty = true;
      if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
        events.faulty(`sent a WebSocket message of more than ${maxPayload} bytes`);
      else if (code?.startsWith('WS_ERR_'))
        events.faulty(`broke the protocol of its WebSocket: ${message}`);
    });
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
      // The end of a process that breaks the protocol closes the peer, with the code that says why.
      if (code === 1006 || isFaulty) events.broken();
      else closeLike(peer, code, reason);
    });
  }

  /** Passes on what is still on its way from a process that is gone. @param graceMs what it has started may hold the connection for ever */
  async finish(graceMs: number): Promise<void> {
    const { tunnel } = this;
    this.last = true;
    tunnel.resume();
    // What is there already is read first.
    const patience = setTimeout(() => setImmediate(() => tunnel.terminate()), graceMs);
    await this.ended;
    clearTimeout(patience);
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
      if (this.last && from === this.tunnel) {
        if (waitingBytes() > MAX_LAST_BYTES) from.terminate();
      } else if (waitingBytes() > MAX_WAITING_BYTES) {
        from.pause();
      }
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
