import { type RtpPacket, wrappedDistance } from './rtp-packet.js';
import { CLOCK_KHZ, type VideoCodec, VIDEO_PAYLOADS } from './video-payload.js';

/** An encoded video frame. */
export interface VideoFrame {
  readonly codec: VideoCodec;
  /** A VP8 frame, or the NAL units of an H.264 access unit in Annex B format. */
  readonly data: Buffer;
  /** True when the frame can be decoded without earlier ones. */
  readonly keyframe: boolean;
  /** Capture time, in milliseconds since the first frame. */
  readonly timestampMs: number;
}

/** Events of a {@link VideoReceiver}. */
export interface VideoReceiverEvents {
  frame(frame: VideoFrame): void;
  /** Frames were lost: nothing is emitted until the next keyframe (send PLI). */
  keyframeNeeded(): void;
}

/** Reordering time-out: time for a retransmission of a missing packet, in milliseconds. */
const REORDER_TIMEOUT_MS = 200;
/** Reordering limit, in packets: some seconds of video. */
const MAX_REORDERED = 1_000;
/** Largest frame, in bytes. */
const MAX_FRAME_BYTES = 4 * 1_048_576;
/** Smallest size that a part of a frame counts with, in bytes: its objects take memory too. */
const MIN_PART_BYTES = 256;
/** Jump of the sequence number that starts a new stream. */
const NEW_STREAM_JUMP = 3_000;
/** Interval of keyframe requests, in milliseconds. */
const KEYFRAME_REQUEST_MS = 500;

/**
 * Video jitter buffer: reorders packets and assembles frames. It emits complete frames in order, and after packet loss only from
 * the next keyframe on.
 */
export class VideoReceiver {
  private codec: VideoCodec = 'VP8';
  private ssrc: number | undefined;
  private next = 0;
  private readonly reordering = new Map<number, { packet: RtpPacket; arrivedMs: number }>();
  private parts: Buffer[] = [];
  private size = 0;
  /** True when the last packet ended a frame, so that the next starts one. */
  private atBoundary = false;
  /** True while the current frame has no missing part. */
  private complete = false;
  private timestamp: number | undefined;
  /** Capture time and RTP timestamp of the last frame. */
  private lastMs = 0;
  private lastTimestamp: number | undefined;
  private awaitsKeyframe = true;
  private nowMs = 0;
  private requestedMs = -Infinity;

  constructor(private readonly events: VideoReceiverEvents) {}

  /** @param nowMs time of a monotonic clock */
  push(packet: RtpPacket, codec: VideoCodec, nowMs: number): void {
    let ahead = wrappedDistance(this.next, packet.sequenceNumber, 16);
    if (this.ssrc !== packet.ssrc || this.codec !== codec || Math.abs(ahead) > NEW_STREAM_JUMP) {
      this.startStream(packet, codec);
      ahead = 0;
    }
    if (ahead < 0) return;
    this.nowMs = nowMs;
    this.reordering.set(packet.sequenceNumber, { packet, arrivedMs: nowMs });
    this.depacketizeInOrder();
    const [oldest] = this.reordering.values();
    if (
      oldest &&
      (nowMs - oldest.arrivedMs >= REORDER_TIMEOUT_MS || this.reordering.size > MAX_REORDERED)
    ) {
      this.skipMissing();
    }
  }

  private startStream({ ssrc, sequenceNumber }: RtpPacket, codec: VideoCodec): void {
    this.ssrc = ssrc;
    this.codec = codec;
    this.next = sequenceNumber;
    this.reordering.clear();
    this.atBoundary = false;
    this.lastTimestamp = undefined;
    this.dropFrame();
  }

  /** Drops the current frame, and all frames up to the next keyframe. */
  private dropFrame(): void {
    this.parts = [];
    this.size = 0;
    this.timestamp = undefined;
    this.awaitsKeyframe = true;
  }

  /** Gives up the missing packets and goes on with the oldest buffered one. */
  private skipMissing(): void {
    let missing = Infinity;
    for (const sequenceNumber of this.reordering.keys()) {
      missing = Math.min(missing, wrappedDistance(this.next, sequenceNumber, 16));
    }
    this.next = (this.next + missing) & 0xffff;
    this.atBoundary = false;
    this.dropFrame();
    this.requestKeyframe();
    this.depacketizeInOrder();
  }

  private requestKeyframe(): void {
    if (this.nowMs - this.requestedMs < KEYFRAME_REQUEST_MS) return;
    this.requestedMs = this.nowMs;
    this.events.keyframeNeeded();
  }

  private depacketizeInOrder(): void {
    for (let one = this.reordering.get(this.next); one; one = this.reordering.get(this.next)) {
      this.reordering.delete(this.next);
      this.next = (this.next + 1) & 0xffff;
      // Packets without payload are bandwidth probes.
      if (one.packet.payload.length > 0) this.depacketize(one.packet);
    }
  }

  private depacketize({ payload, timestamp, marker }: RtpPacket): void {
    const format = VIDEO_PAYLOADS[this.codec];
    if (this.timestamp !== timestamp) {
      if (this.timestamp !== undefined) this.dropFrame();
      this.timestamp = timestamp;
      this.complete = this.atBoundary || format.begins(payload);
    }
    this.atBoundary = marker;
    if (this.complete) this.add(format.unpack(payload));
    if (marker) this.completeFrame(timestamp);
  }

  /** @param parts the parts of the frame in a packet; `undefined` when it is malformed */
  private add(parts: Buffer[] | undefined): void {
    for (const part of parts ?? []) {
      this.parts.push(part);
      this.size += Math.max(MIN_PART_BYTES, part.length);
    }
    if (parts && this.size <= MAX_FRAME_BYTES) return;
    this.complete = false;
    this.parts = [];
  }

  private completeFrame(timestamp: number): void {
    const { codec, complete } = this;
    const data = Buffer.concat(this.parts);
    this.parts = [];
    this.size = 0;
    this.timestamp = undefined;
    const keyframe = complete && VIDEO_PAYLOADS[codec].isKeyframe(data);
    this.awaitsKeyframe = !keyframe && (this.awaitsKeyframe || !complete);
    if (this.awaitsKeyframe) return this.requestKeyframe();
    this.lastMs += wrappedDistance(this.lastTimestamp ?? timestamp, timestamp, 32) / CLOCK_KHZ;
    this.lastTimestamp = timestamp;
    this.events.frame({ codec, data, keyframe, timestampMs: this.lastMs });
  }
}
