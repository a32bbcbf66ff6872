import { OPUS_CLOCK_HZ, OPUS_OUTPUT_HZ, type OpusEncoder } from '../codecs/opus.js';
import type { OutgoingRtp } from './rtp-packet.js';

/** Audio in a packet, in milliseconds. */
const PACKET_MS = 20;
/** Audio in a packet, in samples. */
export const PACKET_SAMPLES = (OPUS_OUTPUT_HZ * PACKET_MS) / 1_000;

const PACKET_TICKS = (OPUS_CLOCK_HZ * PACKET_MS) / 1_000;
/** Buffer limit, in packets. */
const MAX_QUEUED = 50;
/** Packets of silence after which the encoder's output repeats. */
const STEADY_SILENCE = 10;
/** Largest burst to catch up after a blocked event loop, in packets; beyond it packets are skipped. */
const MAX_BURST = 10;

const SILENCE = new Int16Array(PACKET_SAMPLES);

/** Opus pacing: sends one packet every 20 ms, of silence when no audio is queued. */
export class OpusSender {
  private readonly queue: Int16Array[] = [];
  private startMs: number | undefined;
  /** Packets sent or skipped since the start. */
  private passed = 0;
  private silentFor = 0;
  private silence: Uint8Array = Buffer.alloc(0);

  constructor(
    private readonly encoder: OpusEncoder,
    private readonly send: (packet: OutgoingRtp) => void,
  ) {}

  /** @param pcm {@link PACKET_SAMPLES} samples, copied @returns false under backpressure */
  push(pcm: Int16Array): boolean {
    if (this.queue.length >= MAX_QUEUED) return false;
    this.queue.push(pcm.slice());
    return true;
  }

  /** Drops queued audio. */
  clear(): void {
    this.queue.length = 0;
  }

  /**
   * Sends the packets that are due.
   * @param nowMs time of a monotonic clock
   * @returns the time of the next packet
   */
  tick(nowMs: number): number {
    this.startMs ??= nowMs;
    const due = Math.floor((nowMs - this.startMs) / PACKET_MS) + 1;
    if (due - this.passed > MAX_BURST) this.passed = due - 1;
    for (; this.passed < due; this.passed++) this.sendNext();
    return this.startMs + due * PACKET_MS;
  }

  private sendNext(): void {
    const timestamp = (this.passed * PACKET_TICKS) % 2 ** 32;
    const pcm = this.queue.shift();
    // The marker bit starts a talkspurt (RFC 3551, 4.1).
    const marker = pcm !== undefined && this.silentFor > 0;
    let payload: Uint8Array;
    if (pcm) {
      this.silentFor = 0;
      payload = this.encoder.encode(pcm);
    } else {
      if (this.silentFor++ < STEADY_SILENCE) this.silence = this.encoder.encode(SILENCE);
      payload = this.silence;
    }
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    this.send({ payload: bytes, timestamp, marker });
  }
}
