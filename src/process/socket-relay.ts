import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { ITEM_BYTES } from '../limits/queue.js';
import { RunnerWebSocket } from '../websocket/runner-web-socket.js';

/** Backpressure limit of each direction, in bytes. */
const MAX_WAITING_BYTES = 65_536;

/** Largest message to a peer whose socket is not the runner's own, in bytes. */
const MAX_PAYLOAD_BYTES = 1_048_576;
/** Backpressure limit for the remaining messages of a process that exited, in bytes. */
const MAX_LAST_BYTES = 4_194_304;
/** The most turns of the event loop in which they are read, when the connection does not end. */
const MAX_LAST_TURNS = 200;

/** Faults of the bot's process. */
export interface RelayEvents {
  /** The process violated the protocol. */
  faulty(problem: string): void;
  /** The process broke the connection without closing it, as when it is killed. */
  broken(): void;
}

/** Relays a peer's WebSocket to a bot's process: in order, text and binary unchanged, with backpressure, and with the close codes of each side. */
export class SocketRelay {
  private readonly tunnel: RunnerWebSocket;
  /** Resolves when the connection to the process is closed, after its last message. */
  readonly ended: Promise<void>;
  private last = false;

  constructor(
    private readonly peer: WebSocket,
    channel: Duplex,
    events: RelayEvents,
  ) {
    const own = peer instanceof RunnerWebSocket ? peer : undefined;
    const maxPayload = own?.maxPayloadBytes ?? MAX_PAYLOAD_BYTES;
    const tunnel = (this.tunnel = new RunnerWebSocket('ws://bot/', {
      createConnection: () => channel,
      perMessageDeflate: false,
      maxPayload,
      // A socket pair needs no masking; a key of zeros saves the work.
      generateMask: (mask) => mask.fill(0),
    }));
    // `close` follows, with the code 1006.
    tunnel.on('error', ({ code, message }: NodeJS.ErrnoException) => {
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
        // An aborted connection is aborted here too, after the buffered messages.
        if (code === 1006) channel.end();
        else closeLike(tunnel, code, reason);
      };
      // Sent after the buffered messages.
      if (tunnel.readyState === WebSocket.CONNECTING)
        tunnel.once('open', () => setImmediate(close));
      else close();
    });
    tunnel.once('close', (code, reason) => {
      // Whoever hears of it closes the peer with a matching close code.
      if (code === 1006) events.broken();
      else closeLike(peer, code, reason);
    });
  }

  /** Relays the remaining messages of a process that exited. @param graceMs grace period, since its children may keep the connection open */
  async finish(graceMs: number): Promise<void> {
    const { tunnel } = this;
    this.last = true;
    tunnel.resume();
    const patience = setTimeout(() => void this.cut(), graceMs);
    await this.ended;
    clearTimeout(patience);
  }

  /** Cuts the connection to the process. Pending data is read first: a turn of the event loop takes a part of it only. */
  private async cut(): Promise<void> {
    const { tunnel } = this;
    let idleTurns = 0;
    tunnel.on('message', () => (idleTurns = 0));
    // What a turn reads may be passed on in the next one.
    for (let turns = 0; idleTurns < 2 && turns < MAX_LAST_TURNS; turns++) {
      idleTurns++;
      await nextTurn();
    }
    tunnel.terminate();
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
    // A paused socket would not notice its end.
    to.once('close', () => from.resume());
  }
}

/** Closes with the received code and reason. 1005 stands for none. */
function closeLike(socket: WebSocket, code: number, reason: Buffer): void {
  if (code === 1005) socket.close();
  else socket.close(code, reason);
}
