import type * as werift from 'werift';

/** A DTLS handshake message, or a part of one; werift does not export its class. */
export type Handshake = Parameters<werift.DtlsSocket['handleFragmentHandshake']>[0][number];

/** A message of which parts are missing. */
interface Incomplete {
  readonly type: number;
  readonly body: Buffer;
  /** 1 for each byte of the body that has come. */
  readonly come: Uint8Array;
  missing: number;
  readonly sinceMs: number;
}

/** With its certificates, in bytes. */
const MAX_MESSAGE_BYTES = 16_384;
/** Each side of a handshake sends seven at most. */
const MAX_MESSAGES = 16;
/** A message that is not whole by then is forgotten; it is sent again every second or so. Milliseconds. */
const MAX_AGE_MS = 10_000;

/** The reassembly of one DTLS connection's handshake messages. It keeps 16 messages of twice 16 KiB at most, for ten seconds. */
export class HandshakeFragments {
  private readonly incomplete = new Map<number, Incomplete>();

  constructor(private readonly now = (): number => performance.now()) {}

  /**
   * Adds a message, or a part of one, in any order and any number of times.
   * @returns the message, once it is whole
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
