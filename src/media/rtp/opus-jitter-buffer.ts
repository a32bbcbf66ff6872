import { OPUS_CLOCK_HZ, type OpusDecoder, opusDuration } from '../codecs/opus.js';
import { type RtpPacket, wrappedDistance } from './rtp-packet.js';

/** Packet counters of a stream. */
export interface OpusJitterBufferStats {
  received: number;
  /** Lost packets, concealed by PLC or FEC. */
  lost: number;
  /** Packets that arrived after they had been concealed. */
  late: number;
  /** Packets that are no Opus, or exceed the rate limit of decoding. */
  malformed: number;
}

/** @param timestampMs capture time, in milliseconds since the first packet */
export type OnAudio = (pcm: Int16Array, timestampMs: number) => void;

/** Jitter delay: bounds and start of the time that a missing packet is waited for, in milliseconds. */
const MIN_DELAY_MS = 20;
const MAX_DELAY_MS = 200;
const INITIAL_DELAY_MS = 40;
/** Decay of the jitter delay with each packet: half of it in some 30 s. */
const DELAY_DECAY = 0.9995;
/** Reordering limit, in packets. */
const MAX_REORDERED = 50;
/** Jump of the sequence number that starts a new stream: 10 s. */
const NEW_STREAM_JUMP = 500;
/** Rate limit of decoding (token bucket): burst in ticks of 1/48,000 s, for delayed packets, and rate, for a fast sender clock. */
const MAX_BURST = 10 * OPUS_CLOCK_HZ;
const MAX_RATE = 1.05;
/** Longest gap that is concealed, in ticks of 1/48,000 s. */
const MAX_CONCEALED = OPUS_CLOCK_HZ;
/** Silence starts and ends after this time without a packet, in milliseconds. DTX sends a packet every 400 ms. */
const SILENCE_AFTER_MS = 100;
const SILENCE_UNTIL_MS = 1_000;
/** Frame durations that Opus can conceal, largest first, in ticks of 1/48,000 s. */
const FRAMES = [960, 480, 240, 120];

interface BufferedPacket {
  readonly packet: RtpPacket;
  readonly arrivedMs: number;
}

/**
 * Opus jitter buffer. Packets in order are decoded at once, because a bot needs no even flow. A missing packet is waited for by an
 * adaptive jitter delay (reordering); then forward error correction (FEC) or packet loss concealment (PLC) replaces it.
 * Discontinuous transmission (DTX) is filled with silence, so that voice activity detection works.
 */
export class OpusJitterBuffer {
  readonly stats: OpusJitterBufferStats = { received: 0, lost: 0, late: 0, malformed: 0 };
  /** Fills pauses with silence; false while the sender is muted. */
  fillsSilence = true;
  private ssrc: number | undefined;
  /** The next sequence number, and its time in ticks of 1/48,000 s since the first packet. */
  private next = 0;
  private nextAt = 0;
  private firstTimestamp = 0;
  /** Reordering buffer, by sequence number. */
  private readonly reordering = new Map<number, BufferedPacket>();
  /** Times at which concealed packets were first missing, by sequence number. */
  private readonly concealed = new Map<number, number>();
  private delayMs = INITIAL_DELAY_MS;
  /** Token bucket of the rate limit, in ticks of 1/48,000 s. */
  private tokens = MAX_BURST;
  private lastArrivalMs = -Infinity;
  private filledUntilMs = -Infinity;
  private packetDuration = FRAMES[0]!;

  constructor(
    private readonly decoder: OpusDecoder,
    private readonly onAudio: OnAudio,
  ) {}

  /** @param nowMs time of a monotonic clock */
  push(packet: RtpPacket, nowMs: number): void {
    let ahead = wrappedDistance(this.next, packet.sequenceNumber, 16);
    if (this.ssrc !== packet.ssrc || Math.abs(ahead) > NEW_STREAM_JUMP) {
      this.startStream(packet);
      ahead = 0;
    }
    this.stats.received++;
    this.refillTokens(nowMs);
    this.lastArrivalMs = this.filledUntilMs = nowMs;
    if (this.tokens <= 0) {
      this.stats.malformed++;
      return;
    }
    if (ahead < 0) return this.countLate(packet, nowMs);
    this.delayMs = Math.max(MIN_DELAY_MS, this.delayMs * DELAY_DECAY);
    const [oldest] = this.reordering.values();
    if (oldest && ahead === 0) this.raiseDelay(nowMs - oldest.arrivedMs);
    this.reordering.set(packet.sequenceNumber, { packet, arrivedMs: nowMs });
    this.decodeInOrder();
    if (this.reordering.size > MAX_REORDERED) this.concealLost(nowMs);
  }

  private refillTokens(nowMs: number): void {
    // Infinite before the first packet.
    const passed = (nowMs - this.lastArrivalMs) * (OPUS_CLOCK_HZ / 1_000);
    this.tokens = Math.min(MAX_BURST, this.tokens + passed * MAX_RATE);
  }

  /** Conceals packets and fills silence that are due. To be called about every 20 ms. */
  tick(nowMs: number): void {
    const [oldest] = this.reordering.values();
    if (oldest) {
      if (nowMs - oldest.arrivedMs >= this.delayMs) this.concealLost(nowMs);
    } else if (this.fillsSilence && nowMs - this.lastArrivalMs < SILENCE_UNTIL_MS) {
      while (nowMs - this.filledUntilMs >= SILENCE_AFTER_MS) {
        this.filledUntilMs += (FRAMES[0]! * 1_000) / OPUS_CLOCK_HZ;
        this.conceal(FRAMES[0]!);
      }
    }
  }

  private startStream(packet: RtpPacket): void {
    this.ssrc = packet.ssrc;
    this.next = packet.sequenceNumber;
    // Timestamps go on from the audio so far.
    this.firstTimestamp = packet.timestamp - this.nextAt;
    this.reordering.clear();
    this.concealed.clear();
  }

  private countLate({ sequenceNumber }: RtpPacket, nowMs: number): void {
    const missedMs = this.concealed.get(sequenceNumber);
    if (missedMs === undefined) return;
    this.concealed.delete(sequenceNumber);
    this.stats.late++;
    this.raiseDelay(nowMs - missedMs);
  }

  private raiseDelay(delayMs: number): void {
    this.delayMs = Math.min(MAX_DELAY_MS, Math.max(this.delayMs, delayMs * 1.2));
  }

  private decodeInOrder(): void {
    for (let one = this.reordering.get(this.next); one; one = this.reordering.get(this.next)) {
      this.reordering.delete(this.next);
      this.decode(one.packet);
    }
  }

  /** Conceals the packets missing before the oldest buffered one. */
  private concealLost(nowMs: number): void {
    let first: RtpPacket | undefined;
    let missing = Infinity;
    for (const { packet } of this.reordering.values()) {
      const ahead = wrappedDistance(this.next, packet.sequenceNumber, 16);
      if (ahead < missing) [first, missing] = [packet, ahead];
    }
    if (!first) return;
    this.stats.lost += missing;
    this.concealed.clear();
    for (let i = 0; i < missing; i++)
      this.concealed.set((this.next + i) & 0xffff, nowMs - this.delayMs);
    this.concealUntil(first, true);
    this.next = first.sequenceNumber;
    this.decodeInOrder();
  }

  private decode(packet: RtpPacket): void {
    this.next = (packet.sequenceNumber + 1) & 0xffff;
    const { payload } = packet;
    const duration = opusDuration(payload);
    if (duration === 0) {
      this.stats.malformed++;
      return;
    }
    // DTX: the sender pauses, and its timestamps go on.
    this.concealUntil(packet, false);
    this.nextAt = this.timeOf(packet);
    this.packetDuration = duration;
    try {
      this.emit(this.decoder.decode(payload), duration);
    } catch {
      this.stats.malformed++;
      this.conceal(duration);
    }
  }

  private timeOf({ timestamp }: RtpPacket): number {
    return this.nextAt + wrappedDistance(this.firstTimestamp + this.nextAt, timestamp, 32);
  }

  /** Conceals the gap before a packet. @param lost true when the packet may hold FEC data for it */
  private concealUntil(packet: RtpPacket, lost: boolean): void {
    let missing = this.timeOf(packet) - this.nextAt;
    if (missing > Math.min(MAX_CONCEALED, this.tokens)) return;
    const fec = lost && missing >= this.packetDuration ? this.packetDuration : 0;
    for (const frame of FRAMES) {
      for (; missing - fec >= frame; missing -= frame) this.conceal(frame);
    }
    if (fec > 0) this.conceal(fec, packet.payload);
  }

  /** @param next the next packet, for its FEC data; `null` for PLC */
  private conceal(duration: number, next: Uint8Array | null = null): void {
    const frameSize = (duration * this.decoder.sampleRate) / OPUS_CLOCK_HZ;
    let pcm: Int16Array;
    try {
      pcm = this.decoder.decode(next, { frameSize, decodeFec: next !== null });
    } catch {
      pcm = new Int16Array(frameSize);
    }
    this.emit(pcm, duration);
  }

  private emit(pcm: Int16Array, duration: number): void {
    const atMs = (this.nextAt * 1_000) / OPUS_CLOCK_HZ;
    this.nextAt += duration;
    this.tokens -= duration;
    this.onAudio(pcm, atMs);
  }
}
