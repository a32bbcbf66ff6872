import { OPUS_CLOCK_HZ, type OpusDecoder, opusDuration } from '../codecs/opus.js';
import { type RtpPacket, wrappedDistance } from './rtp-packet.js';

/** What was counted of a stream. */
export interface OpusReceiverStats {
  received: number;
  /** Packets that never came, or too late, and had to be made up. */
  lost: number;
  /** Packets that came when they had been made up already. */
  late: number;
  /** Packets that are no Opus, or of more sound than there was time to make. */
  malformed: number;
}

/** @param timestampMs when it was spoken, in milliseconds since the first */
export type OnSound = (pcm: Int16Array, timestampMs: number) => void;

/** Bounds of how long a missing packet is waited for, in milliseconds. */
const LEAST_WAIT_MS = 20;
const MOST_WAIT_MS = 200;
const FIRST_WAIT_MS = 40;
/** So much of the waiting is forgotten with each packet: half of it in some 30 s. */
const FORGET = 0.9995;
/** More packets than this do not wait for one that is missing. */
const MOST_WAITING = 50;
/** A jump this far in sequence numbers is another stream: 10 s. */
const ANOTHER_STREAM = 500;
/**
 * So much more sound than time may come, in 48,000ths: what was held up on its way, and the more of a clock that is fast. Each packet can
 * make the decoder work for a second's worth.
 */
const MOST_AHEAD = 10 * OPUS_CLOCK_HZ;
const FASTEST = 1.05;
/** Longer gaps are not filled, in 48,000ths: who hears has noticed. */
const MOST_FILLED = OPUS_CLOCK_HZ;
/** Silence is made up when nothing came for so long, and until nothing came for so long, in milliseconds. A sender that is silent tells so every 400 ms. */
const SILENT_AFTER_MS = 100;
const GONE_AFTER_MS = 1_000;
/** What is made up at a time, largest first, in 48,000ths: Opus knows no other lengths. */
const FRAMES = [960, 480, 240, 120];

interface Waiting {
  readonly packet: RtpPacket;
  readonly arrivedMs: number;
}

/**
 * Makes continuous sound of packets that come early, late or not at all. What comes in order is heard at once: a bot needs no even
 * flow, as an ear does. What is missing is waited for, as long as such packets lately took; then Opus makes it up, as far as it
 * can from what the next packet tells of it. A silent sender is heard as silence, so that who listens for pauses hears them.
 */
export class OpusJitterBuffer {
  readonly stats: OpusReceiverStats = { received: 0, lost: 0, late: 0, malformed: 0 };
  /** Whether silence is made up; not while the sender says that it is muted. */
  fillsSilence = true;
  private ssrc: number | undefined;
  /** The sequence number that is heard next, and when it is to be, in 48,000ths since the first. */
  private next = 0;
  private nextAt = 0;
  private firstTimestamp = 0;
  /** By sequence number. */
  private readonly waiting = new Map<number, Waiting>();
  /** When the packets that were given up were first missed, by sequence number. */
  private readonly givenUp = new Map<number, number>();
  private waitMs = FIRST_WAIT_MS;
  /** How much more may be heard, in 48,000ths. */
  private allowance = MOST_AHEAD;
  private lastArrivalMs = -Infinity;
  private filledUntilMs = -Infinity;
  private packetDuration = FRAMES[0]!;

  constructor(
    private readonly decoder: OpusDecoder,
    private readonly onSound: OnSound,
  ) {}

  /** @param nowMs on a clock that never goes back */
  push(packet: RtpPacket, nowMs: number): void {
    let ahead = wrappedDistance(this.next, packet.sequenceNumber, 16);
    if (this.ssrc !== packet.ssrc || Math.abs(ahead) > ANOTHER_STREAM) {
      this.begin(packet);
      ahead = 0;
    }
    this.stats.received++;
    this.allow(nowMs);
    this.lastArrivalMs = this.filledUntilMs = nowMs;
    if (this.allowance <= 0) {
      this.stats.malformed++;
      return;
    }
    if (ahead < 0) return this.tooLate(packet, nowMs);
    this.waitMs = Math.max(LEAST_WAIT_MS, this.waitMs * FORGET);
    const [oldest] = this.waiting.values();
    if (oldest && ahead === 0) this.expectDelay(nowMs - oldest.arrivedMs);
    this.waiting.set(packet.sequenceNumber, { packet, arrivedMs: nowMs });
    this.playInOrder();
    if (this.waiting.size > MOST_WAITING) this.giveUp(nowMs);
  }

  private allow(nowMs: number): void {
    // Before the first, and after a pause, it is infinite or long.
    const passed = (nowMs - this.lastArrivalMs) * (OPUS_CLOCK_HZ / 1_000);
    this.allowance = Math.min(MOST_AHEAD, this.allowance + passed * FASTEST);
  }

  /** To be called every 20 ms or so: does what is due because something did not come. */
  tick(nowMs: number): void {
    const [oldest] = this.waiting.values();
    if (oldest) {
      if (nowMs - oldest.arrivedMs >= this.waitMs) this.giveUp(nowMs);
    } else if (this.fillsSilence && nowMs - this.lastArrivalMs < GONE_AFTER_MS) {
      while (nowMs - this.filledUntilMs >= SILENT_AFTER_MS) {
        this.filledUntilMs += (FRAMES[0]! * 1_000) / OPUS_CLOCK_HZ;
        this.makeUp(FRAMES[0]!);
      }
    }
  }

  private begin(packet: RtpPacket): void {
    this.ssrc = packet.ssrc;
    this.next = packet.sequenceNumber;
    // What was heard so far stays in the past.
    this.firstTimestamp = packet.timestamp - this.nextAt;
    this.waiting.clear();
    this.givenUp.clear();
  }

  private tooLate({ sequenceNumber }: RtpPacket, nowMs: number): void {
    const missedMs = this.givenUp.get(sequenceNumber);
    if (missedMs === undefined) return;
    this.givenUp.delete(sequenceNumber);
    this.stats.late++;
    this.expectDelay(nowMs - missedMs);
  }

  private expectDelay(delayMs: number): void {
    this.waitMs = Math.min(MOST_WAIT_MS, Math.max(this.waitMs, delayMs * 1.2));
  }

  private playInOrder(): void {
    for (let one = this.waiting.get(this.next); one; one = this.waiting.get(this.next)) {
      this.waiting.delete(this.next);
      this.play(one.packet);
    }
  }

  /** Makes up what is missing before the packets that wait. */
  private giveUp(nowMs: number): void {
    let first: RtpPacket | undefined;
    let missing = Infinity;
    for (const { packet } of this.waiting.values()) {
      const ahead = wrappedDistance(this.next, packet.sequenceNumber, 16);
      if (ahead < missing) [first, missing] = [packet, ahead];
    }
    if (!first) return;
    this.stats.lost += missing;
    this.givenUp.clear();
    for (let i = 0; i < missing; i++)
      this.givenUp.set((this.next + i) & 0xffff, nowMs - this.waitMs);
    this.fillUntil(first, true);
    this.next = first.sequenceNumber;
    this.playInOrder();
  }

  private play(packet: RtpPacket): void {
    this.next = (packet.sequenceNumber + 1) & 0xffff;
    const { payload } = packet;
    const duration = opusDuration(payload);
    if (duration === 0) {
      this.stats.malformed++;
      return;
    }
    // A sender that is silent sends nothing, and counts on.
    this.fillUntil(packet, false);
    this.nextAt = this.timeOf(packet);
    this.packetDuration = duration;
    try {
      this.hear(this.decoder.decode(payload), duration);
    } catch {
      this.stats.malformed++;
      this.makeUp(duration);
    }
  }

  private timeOf({ timestamp }: RtpPacket): number {
    return this.nextAt + wrappedDistance(this.firstTimestamp + this.nextAt, timestamp, 32);
  }

  /** Makes up what is missing before a packet. @param lost whether the packet may tell of what is missing */
  private fillUntil(packet: RtpPacket, lost: boolean): void {
    let missing = this.timeOf(packet) - this.nextAt;
    if (missing > Math.min(MOST_FILLED, this.allowance)) return;
    const told = lost && missing >= this.packetDuration ? this.packetDuration : 0;
    for (const frame of FRAMES) {
      for (; missing - told >= frame; missing -= frame) this.makeUp(frame);
    }
    if (told > 0) this.makeUp(told, packet.payload);
  }

  /** @param next a packet that may tell of what is missing */
  private makeUp(duration: number, next: Uint8Array | null = null): void {
    const frameSize = (duration * this.decoder.sampleRate) / OPUS_CLOCK_HZ;
    let pcm: Int16Array;
    try {
      pcm = this.decoder.decode(next, { frameSize, decodeFec: next !== null });
    } catch {
      pcm = new Int16Array(frameSize);
    }
    this.hear(pcm, duration);
  }

  private hear(pcm: Int16Array, duration: number): void {
    const atMs = (this.nextAt * 1_000) / OPUS_CLOCK_HZ;
    this.nextAt += duration;
    this.allowance -= duration;
    this.onSound(pcm, atMs);
  }
}
