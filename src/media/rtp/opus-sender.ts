import { OPUS_CLOCK_HZ, OPUS_OUTPUT_HZ, type OpusEncoder } from '../codecs/opus.js';
import type { OutgoingRtp } from './rtp-packet.js';

/** How long the sound in a packet lasts, in milliseconds. */
export const PACKET_MS = 20;
/** How much sound goes into a packet, in samples. */
export const PACKET_SAMPLES = (OPUS_OUTPUT_HZ * PACKET_MS) / 1_000;

const PACKET_TICKS = (OPUS_CLOCK_HZ * PACKET_MS) / 1_000;
/** So many packets of sound wait here; more is refused. */
const MOST_QUEUED = 50;
/** After so many packets of silence the next is like the last. */
const SETTLED = 10;
/** Past so many packets that are due at once (the process was held up), the time is let go by. */
const MOST_DUE = 10;

const SILENCE = new Int16Array(PACKET_SAMPLES);

/** Sends sound as Opus, packet by packet at the pace of a clock, and silence when there is none. */
export class OpusSender {
  private readonly queue: Int16Array[] = [];
  private startMs: number | undefined;
  /** How many packets' worth of time went by. */
  private passed = 0;
  private silentFor = 0;
  private silence: Uint8Array = Buffer.alloc(0);

  constructor(
    private readonly encoder: OpusEncoder,
    private readonly send: (packet: OutgoingRtp) => void,
  ) {}

  /**
   * @param pcm {@link PACKET_SAMPLES} of them, whose memory may be used again
   * @returns false when there is no room
   */
  push(pcm: Int16Array): boolean {
    if (this.queue.length >= MOST_QUEUED) return false;
    this.queue.push(pcm.slice());
    return true;
  }

  /** Drops what is not sent yet. */
  clear(): void {
    this.queue.length = 0;
  }

  /**
   * Sends what is due.
   * @param nowMs on a clock that never goes back
   * @returns when the next is due
   */
  tick(nowMs: number): number {
    this.startMs ??= nowMs;
    const due = Math.floor((nowMs - this.startMs) / PACKET_MS) + 1;
    if (due - this.passed > MOST_DUE) this.passed = due - 1;
    for (; this.passed < due; this.passed++) this.sendNext();
    return this.startMs + due * PACKET_MS;
  }

  private sendNext(): void {
    const timestamp = (this.passed * PACKET_TICKS) % 2 ** 32;
    const pcm = this.queue.shift();
    // The marker tells that sound begins (RFC 3551, 4.1).
    const marker = pcm !== undefined && this.silentFor > 0;
    let payload: Uint8Array;
    if (pcm) {
      this.silentFor = 0;
      payload = this.encoder.encode(pcm);
    } else {
      if (this.silentFor++ < SETTLED) this.silence = this.encoder.encode(SILENCE);
      payload = this.silence;
    }
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    this.send({ payload: bytes, timestamp, marker });
  }
}
