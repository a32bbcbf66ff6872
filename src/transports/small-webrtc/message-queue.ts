/** The most messages and characters queued until the data channel opens, and the longest wait for it after connecting, in milliseconds. */
const MAX_QUEUED = 50;
const MAX_QUEUED_LENGTH = 1_000_000;
const CHANNEL_TIMEOUT_MS = 10_000;

/** Queue of the messages to a client whose data channel is not open yet. */
export class MessageQueue {
  private texts: string[] = [];
  private length = 0;
  private isOpen = true;
  private timer: NodeJS.Timeout | undefined;

  /** @param warn receives what is dropped */
  constructor(private readonly warn: (message: string) => void) {}

  /** Opens the queue for a new peer connection. */
  open(): void {
    this.isOpen = true;
  }

  /** @returns false when the queue is closed or full */
  push(text: string): boolean {
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

  /** Waits for the data channel of a client that has connected. */
  awaitChannel(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const dropped = this.take().length;
      if (dropped > 0) this.warn(`the client opened no channel; ${dropped} messages dropped`);
      this.isOpen = false;
    }, CHANNEL_TIMEOUT_MS);
  }

  /** Returns the messages for a channel that has opened. */
  take(): string[] {
    clearTimeout(this.timer);
    this.length = 0;
    return this.texts.splice(0);
  }

  /** Drops the messages and takes no more. */
  close(): void {
    this.take();
    this.isOpen = false;
  }
}
