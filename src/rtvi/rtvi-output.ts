import { AsyncQueue } from '../media/async-queue.js';
import type { MediaTransport } from '../media/media-transport.js';
import { RTVI_LABEL } from '../media/serializers/json-message.js';
import { ClientVersion } from './client-version.js';

/** Buffer limit until the client is ready, and smallest size of a message in it, in bytes: 1,000 short messages. */
const MAX_BUFFERED_BYTES = 4_000_000;
const MIN_MESSAGE_BYTES = 4_000;

const UNKNOWN_VERSION = new ClientVersion(undefined);

/** Messages to an RTVI client, buffered until client and bot are ready. */
export class RtviOutput {
  private readonly buffered = new AsyncQueue<readonly [type: string, data: unknown]>(
    MAX_BUFFERED_BYTES,
    // Data that cannot be serialized throws here.
    ([, data]) => Math.max(MIN_MESSAGE_BYTES, JSON.stringify([data]).length),
  );
  private client: { readonly readyId: string; readonly version: ClientVersion } | undefined;
  private handshakeDone = false;

  /**
   * @param botIsReady false when {@link ready} follows
   * @param facts data of `bot-ready` beside the version
   */
  constructor(
    private readonly transport: MediaTransport,
    private botIsReady: boolean,
    private readonly facts: object,
  ) {}

  /** Marks the bot as ready. Idempotent. */
  ready(): void {
    this.botIsReady = true;
    this.completeHandshake();
  }

  /** Marks the client as ready, also for another time. @param readyId id of its `client-ready` */
  clientReady(readyId: string, version: ClientVersion): void {
    this.client = { readyId, version };
    this.handshakeDone = false;
    this.completeHandshake();
  }

  /** Sends a message once client and bot are ready. @returns false when the transport carries no messages */
  push(type: string, data: unknown): boolean {
    const { messages, rtvi = messages } = this.transport.capabilities;
    if (!rtvi) return false;
    if (this.handshakeDone) return this.send(type, data);
    this.buffered.push([type, data]);
    return true;
  }

  /** Sends a message now. @param id that of the message it answers */
  send(givenType: string, givenData: unknown, id?: string): boolean {
    const version = this.client?.version ?? UNKNOWN_VERSION;
    const message = version.adapt({ type: givenType, data: givenData });
    if (!message) return true;
    const { type, data } = message;
    return this.transport.sendMessage({
      label: RTVI_LABEL,
      type,
      ...(id !== undefined && { id }),
      ...(data !== undefined && { data }),
    });
  }

  /** Sends an `error-response`. */
  refuse(id: string, error: string): void {
    this.send('error-response', { error }, id);
  }

  private completeHandshake(): void {
    if (!this.botIsReady || !this.client || this.handshakeDone) return;
    this.handshakeDone = true;
    const { readyId, version } = this.client;
    this.send('bot-ready', { version: version.answered, ...this.facts }, readyId);
    for (let next = this.buffered.take(); next; next = this.buffered.take()) {
      this.send(...next.value);
    }
  }
}
