import { type RtpPacket, wrappedDistance } from './rtp-packet.js';
import { type VideoCodec, VIDEO_PAYLOADS } from './video-payload.js';

/** A picture as the sender encoded it. */
export interface VideoFrame {
  readonly codec: VideoCodec;
  /** A frame of VP8, or the units of an H.264 picture in Annex B form. */
  readonly data: Buffer;
  /** Whether it can be shown without those before it. */
  readonly keyframe: boolean;
  /** When it was taken, in milliseconds since the first. */
  readonly timestampMs: number;
}

/** What a {@link VideoReceiver} tells. */
export interface VideoReceiverEvents {
  frame(frame: VideoFrame): void;
  /** Pictures are missing: nothing is told until one comes that needs none before it. */
  keyframeNeeded(): void;
}

/** So long a missing packet may take to be sent again, in milliseconds. */
const WAIT_MS = 200;
/** More packets than this do not wait for one that is missing: some seconds of video. */
const MOST_WAITING = 1_000;
/** A larger picture is refused. Bytes, of which each piece counts some at least, for it takes memory beside its content. */
const MOST_BYTES = 4 * 1_048_576;
const LEAST_PART_BYTES = 256;
/** A jump this far in sequence numbers is another stream. */
const ANOTHER_STREAM = 3_000;
/** A picture that needs none before it is asked for this often, until it comes, in milliseconds. */
const ASK_AGAIN_MS = 500;
const CLOCK_KHZ = 90;

/**
 * Puts pictures together from packets that come early, late or not at all. Pictures are told whole, in order, and never one that
 * needs a picture that is missing.
 */
export class VideoReceiver {
  private codec: VideoCodec = 'VP8';
  private ssrc: number | undefined;
  private next = 0;
  private readonly waiting = new Map<number, { packet: RtpPacket; arrivedMs: number }>();
  private parts: Buffer[] = [];
  private size = 0;
  /** Whether the last packet ended a picture, so that the next begins one. */
  private between = false;
  /** Whether the picture at hand has its beginning. */
  private whole = false;
  private timestamp: number | undefined;
  /** When the last picture was taken, and its timestamp. */
  private lastMs = 0;
  private lastTimestamp: number | undefined;
  private needsKeyframe = true;
  private nowMs = 0;
  private askedMs = -Infinity;

  constructor(private readonly events: VideoReceiverEvents) {}

  /** @param nowMs on a clock that never goes back */
  push(packet: RtpPacket, codec: VideoCodec, nowMs: number): void {
    let ahead = wrappedDistance(this.next, packet.sequenceNumber, 16);
    if (this.ssrc !== packet.ssrc || this.codec !== codec || Math.abs(ahead) > ANOTHER_STREAM) {
      this.begin(packet, codec);
      ahead = 0;
    }
    if (ahead < 0) return;
    this.nowMs = nowMs;
    this.waiting.set(packet.sequenceNumber, { packet, arrivedMs: nowMs });
    this.takeInOrder();
    const [oldest] = this.waiting.values();
    if (oldest && (nowMs - oldest.arrivedMs >= WAIT_MS || this.waiting.size > MOST_WAITING)) {
      this.skip();
    }
  }

  private begin({ ssrc, sequenceNumber }: RtpPacket, codec: VideoCodec): void {
    this.ssrc = ssrc;
    this.codec = codec;
    this.next = sequenceNumber;
    this.waiting.clear();
    this.between = false;
    this.lastTimestamp = undefined;
    this.breakOff();
  }

  /** The picture at hand, and those that build on it, are lost. */
  private breakOff(): void {
    this.parts = [];
    this.size = 0;
    this.timestamp = undefined;
    this.needsKeyframe = true;
  }

  /** Goes on behind what is missing. */
  private skip(): void {
    let missing = Infinity;
    for (const sequenceNumber of this.waiting.keys()) {
      missing = Math.min(missing, wrappedDistance(this.next, sequenceNumber, 16));
    }
    this.next = (this.next + missing) & 0xffff;
    this.between = false;
    this.breakOff();
    this.askForKeyframe();
    this.takeInOrder();
  }

  private askForKeyframe(): void {
    if (this.nowMs - this.askedMs < ASK_AGAIN_MS) return;
    this.askedMs = this.nowMs;
    this.events.keyframeNeeded();
  }

  private takeInOrder(): void {
    for (let one = this.waiting.get(this.next); one; one = this.waiting.get(this.next)) {
      this.waiting.delete(this.next);
      this.next = (this.next + 1) & 0xffff;
      // A packet without content only probes the way.
      if (one.packet.payload.length > 0) this.take(one.packet);
    }
  }

  private take({ payload, timestamp, marker }: RtpPacket): void {
    const format = VIDEO_PAYLOADS[this.codec];
    if (this.timestamp !== timestamp) {
      if (this.timestamp !== undefined) this.breakOff();
      this.timestamp = timestamp;
      this.whole = this.between || format.begins(payload);
    }
    this.between = marker;
    if (this.whole) this.add(format.unpack(payload));
    if (marker) this.finish(timestamp);
  }

  /** @param parts what a packet adds to the picture; `undefined` when it is broken, and with it the picture */
  private add(parts: Buffer[] | undefined): void {
    for (const part of parts ?? []) {
      this.parts.push(part);
      this.size += Math.max(LEAST_PART_BYTES, part.length);
    }
    if (parts && this.size <= MOST_BYTES) return;
    this.whole = false;
    this.parts = [];
  }

  private finish(timestamp: number): void {
    const { codec, whole } = this;
    const data = Buffer.concat(this.parts);
    this.parts = [];
    this.size = 0;
    this.timestamp = undefined;
    const keyframe = whole && VIDEO_PAYLOADS[codec].isKeyframe(data);
    this.needsKeyframe = !keyframe && (this.needsKeyframe || !whole);
    if (this.needsKeyframe) return this.askForKeyframe();
    this.lastMs += wrappedDistance(this.lastTimestamp ?? timestamp, timestamp, 32) / CLOCK_KHZ;
    this.lastTimestamp = timestamp;
    this.events.frame({ codec, data, keyframe, timestampMs: this.lastMs });
  }
}
