import {
  applicationMessage,
  type JsonMessage,
  parseJsonMessage,
} from '../../../../media/serializers/json-message.js';
import type { SocketResponder } from '../../../../websocket/runner-web-socket.js';
import { type GenesysMedia, isSequenceNumber } from './genesys.serializer.js';

/** The most pings that are answered in a second; Genesys sends one in five. */
const MAX_PONGS = 20;

/** Longer messages are left to the bot: none of those that are answered here is. */
const MAX_MESSAGE_BYTES = 65_536;

/** Answers that are given here, and so not by the bot as well. */
const ANSWERS: readonly unknown[] = ['opened', 'closed'];

/**
 * Answers `open`, `ping` and `close`, for which Genesys waits five seconds, and asks for the end. Numbers what the bot sends along with the answers:
 * gapless, with the last number received from Genesys.
 */
export class GenesysResponder implements SocketResponder {
  readonly first: string;
  private seq = 0;
  /** Sequence number of `open`, which the handshake has consumed. */
  private clientseq = 1;
  private isEnding = false;
  private isClosed = false;
  private pongs = 0;
  private sinceMs = 0;

  /** @param id session id, repeated in each message */
  constructor(
    private readonly id: string,
    media: GenesysMedia,
  ) {
    this.first = this.write({ type: 'opened', parameters: { startPaused: false, media: [media] } });
  }

  receive(data: Buffer): ReturnType<SocketResponder['receive']> {
    const message = data.length <= MAX_MESSAGE_BYTES ? parseJsonMessage(data) : undefined;
    if (!message) return {};
    const { id, type, seq } = message;
    if (type === 'ping' && !this.mayPong()) return { isTaken: true };
    if (id !== this.id || !isSequenceNumber(seq)) return {};
    this.clientseq = Math.max(this.clientseq, seq);
    if (type === 'ping') return { answer: this.write({ type: 'pong' }), isTaken: true };
    if (type !== 'close' || this.isClosed) return {};
    this.isClosed = this.isEnding = true;
    return { answer: this.write({ type: 'closed' }) };
  }

  send(text: string): string | undefined {
    const message = applicationMessage(parseJsonMessage(Buffer.from(text)));
    if (message?.version === undefined || ANSWERS.includes(message.type)) return undefined;
    if (this.isEnding) return undefined;
    if (message.type === 'disconnect') this.isEnding = true;
    return this.write(message);
  }

  /** Disconnects. Genesys then closes the session and continues the flow. As in Pipecat, a hang-up sets `action: finished`, any other end `transfer`. */
  end(hangsUp: boolean): string | undefined {
    if (this.isEnding) return undefined;
    this.isEnding = true;
    const outputVariables = { action: hangsUp ? 'finished' : 'transfer' };
    return this.write({ type: 'disconnect', parameters: { reason: 'completed', outputVariables } });
  }

  private mayPong(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.sinceMs > 1_000) [this.sinceMs, this.pongs] = [nowMs, 0];
    return ++this.pongs <= MAX_PONGS;
  }

  private write(message: JsonMessage): string {
    const { id, clientseq } = this;
    return JSON.stringify({
      parameters: {},
      ...message,
      version: '2',
      id,
      seq: ++this.seq,
      clientseq,
    });
  }
}
