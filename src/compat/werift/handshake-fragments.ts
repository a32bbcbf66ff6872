import type * as werift from 'werift';

/** DTLS handshake message or fragment; werift does not export its class. */
export type Handshake = Parameters<werift.DtlsSocket['handleFragmentHandshake']>[0][number];

/** Incomplete message. */
interface Incomplete {
  readonly type: number;
  readonly body: Buffer;
  /** 1 for each received byte of the body. */
  readonly come: Uint8Array;
  missing: number;
  readonly sinceMs: number;
}

/** Largest message including certificates, in bytes. */
const MAX_MESSAGE_BYTES = 16_384;
/** The most messages: each side of a handshake sends at most seven. */
const MAX_MESSAGES = 16;
/** Timeout of an incomplete message, in milliseconds. It is retransmitted every second or so. */
const MAX_AGE_MS = 10_000;

/** Reassembly of fragmented DTLS handshake messages. Keeps at most 16 messages of twice 16 KiB, for 10 s. */
export class HandshakeFragments {
  private readonly incomplete = new Map<number, Incomplete>();

  constructor(private readonly now = (): number => performance.now()) {}

  /**
   * Adds a message or fragment, in any order, with duplicates.
   * @returns the message, once complete
   */
  add(part: Handshake): Handshake | undefined {
    const { length, message_seq, fragment_offset, fragment_length, fragment } = part;
    if (length > MAX_MESSAGE_BYTES || message_seq >= MAX_MESSAGES) return undefined;
    if (fragment.length !== fragment_length || fragment_offset + fragment_length > length) {
      return undefined;
    }
    if (fragment_length === length) return part;
    const message = this.messageOf(part);
    for (let at = fragment_offset; at < fragment_offset + fragment_length; at++) {
      message.missing -= 1 - message.come[at]!;
      message.come[at] = 1;
    }
    fragment.copy(message.body, fragment_offset);
    if (message.missing > 0) return undefined;
    this.incomplete.delete(message_seq);
    return Object.assign(part, {
      fragment_offset: 0,
      fragment_length: length,
      fragment: message.body,
    });
  }

  clear(): void {
    this.incomplete.clear();
  }

  private messageOf({ message_seq, msg_type, length }: Handshake): Incomplete {
    const nowMs = this.now();
    for (const [seq, { sinceMs }] of this.incomplete) {
      if (nowMs - sinceMs > MAX_AGE_MS) this.incomplete.delete(seq);
    }
    const known = this.incomplete.get(message_seq);
    if (known?.type === msg_type && known.body.length === length) return known;
    const message: Incomplete = {
      type: msg_type,
      body: Buffer.alloc(length),
      come: new Uint8Array(length),
      missing: length,
      sinceMs: nowMs,
    };
    this.incomplete.set(message_seq, message);
    return message;
  }
}
