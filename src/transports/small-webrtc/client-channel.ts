import type { Peer } from './peer/peer.js';
import { signalling } from './signalling.js';

/** The most messages and characters queued until the data channel opens, and the longest wait for it after connecting, in milliseconds. */
const MAX_QUEUED = 50;
const MAX_QUEUED_LENGTH = 1_000_000;
const CHANNEL_TIMEOUT_MS = 10_000;
/** Shortest interval between renegotiation requests to the client, in milliseconds. */
const RENEGOTIATE_AGAIN_MS = 2_000;

/** Data channel to a client. Messages of the bot are queued until it opens. */
export class ClientChannel {
  private texts: string[] = [];
  private length = 0;
  private isOpen = true;
  private timer: NodeJS.Timeout | undefined;
  private askedMs = -Infinity;

  /**
   * @param peer the current peer connection
   * @param warn receives what is dropped
   */
  constructor(
    private readonly peer: () => Peer | undefined,
    private readonly warn: (message: string) => void,
  ) {}

  /** Opens the queue for a new peer connection. */
  open(): void {
    this.isOpen = true;
  }

  /** Sends a message of the bot, or queues it. @returns false when the queue is closed or full */
  send(message: unknown): boolean {
    const text = JSON.stringify(message);
    return this.peer()?.send(text) || this.queue(text);
  }

  /** Sends signalling, if the channel is open. */
  signal(message: object): void {
    this.peer()?.send(signalling(message));
  }

  /** Requests renegotiation, unless it was requested just now. */
  askToRenegotiate(): void {
    const now = performance.now();
    if (now - this.askedMs < RENEGOTIATE_AGAIN_MS) return;
    this.askedMs = now;
    this.signal({ type: 'renegotiate' });
  }

  private queue(text: string): boolean {
    if (!this.isOpen) return false;
    const length = this.length + text.length;
    if (this.texts.length >= MAX_QUEUED || length > MAX_QUEUED_LENGTH) {
      this.warn(
        `more than ${MAX_QUEUED} messages, or ${MAX_QUEUED_LENGTH} characters, wait for the client; the newest are dropped`,
      );
      return false;
    }
    this.length = length;
    this.texts.push(text);
    return true;
  }

  /** Waits for the channel of a client that has connected. */
  awaitOpening(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const dropped = this.take().length;
      if (dropped > 0) this.warn(`the client opened no channel; ${dropped} messages dropped`);
      this.isOpen = false;
    }, CHANNEL_TIMEOUT_MS);
  }

  /** Sends the queued messages, as the channel has opened. */
  flush(): void {
    for (const text of this.take()) this.peer()?.send(text);
  }

  /** Drops the messages and takes no more. */
  close(): void {
    this.take();
    this.isOpen = false;
  }

  private take(): string[] {
    clearTimeout(this.timer);
    this.length = 0;
    return this.texts.splice(0);
  }
}
