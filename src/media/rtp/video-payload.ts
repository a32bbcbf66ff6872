import type { OutgoingRtp } from './rtp-packet.js';

/** Video codecs with RTP support. Frames stay encoded. */
export type VideoCodec = 'VP8' | 'H264';

/** RTP payload format of a video codec: packetization and depacketization. */
interface VideoPayload {
  /** Returns the parts of the frame in a payload. @returns `undefined` when it is malformed */
  unpack(payload: Buffer): Buffer[] | undefined;
  /** Returns true when the payload certainly starts a frame. */
  begins(payload: Buffer): boolean;
  /** Returns true for a keyframe. */
  isKeyframe(frame: Buffer): boolean;
  /** Returns the payloads of a frame, each at most `maxBytes` long. */
  pack(frame: Buffer, maxBytes: number): Buffer[];
}

/** RTP payload format for VP8 (RFC 7741). */
const VP8: VideoPayload = {
  unpack(payload) {
    const length = vp8DescriptorLength(payload);
    return length < payload.length ? [payload.subarray(length)] : undefined;
  },
  begins: (payload) => (payload[0]! & 0x17) === VP8_START,
  isKeyframe: (frame) => frame.length > 0 && (frame[0]! & 1) === 0,
  pack(frame, maxBytes) {
    const packets: Buffer[] = [];
    for (let at = 0; at < frame.length; at += maxBytes - 1) {
      const descriptor = Buffer.of(at === 0 ? VP8_START : 0);
      packets.push(Buffer.concat([descriptor, frame.subarray(at, at + maxBytes - 1)]));
    }
    return packets;
  },
};

/** Payload descriptor of the start of the first partition. */
const VP8_START = 0x10;

function vp8DescriptorLength(payload: Buffer): number {
  if (!(payload[0]! & 0x80)) return 1;
  const extensions = payload[1] ?? 0;
  let length = 2;
  if (extensions & 0x80) length += payload[2]! & 0x80 ? 2 : 1;
  if (extensions & 0x40) length += 1;
  if (extensions & 0x30) length += 1;
  return length;
}

/** RTP payload format for H.264 (RFC 6184, packetization-mode 1). Frames are in Annex B format: NAL units after start codes. */
const H264: VideoPayload = {
  unpack(payload) {
    const type = payload[0]! & 0x1f;
    if (type === STAP_A) return unpackAggregate(payload);
    if (type === FU_A) return unpackFragment(payload);
    return type > 0 && type < STAP_A ? [START_CODE, payload] : undefined;
  },
  // A parameter set or delimiter starts a frame; it may be aggregated with other units.
  begins(payload) {
    const type = payload[0]! & 0x1f;
    const first = type === STAP_A ? (payload[3] ?? 0) & 0x1f : type;
    return first === SPS || first === DELIMITER;
  },
  // Scanned without splitting: a frame may have a million units.
  isKeyframe(frame) {
    for (let at = 3; at < frame.length; at++) {
      const begins = frame[at - 1] === 1 && frame[at - 2] === 0 && frame[at - 3] === 0;
      if (begins && (frame[at]! & 0x1f) === IDR) return true;
    }
    return false;
  },
  pack: (frame, maxBytes) =>
    unitsOf(frame).flatMap((unit) =>
      unit.length <= maxBytes ? [unit] : fragmentsOf(unit, maxBytes),
    ),
};

const START_CODE = Buffer.of(0, 0, 0, 1);
const IDR = 5;
const SPS = 7;
const DELIMITER = 9;
const STAP_A = 24;
const FU_A = 28;

function unpackAggregate(payload: Buffer): Buffer[] | undefined {
  const parts: Buffer[] = [];
  for (let at = 1; at < payload.length;) {
    if (at + 2 > payload.length) return undefined;
    const end = at + 2 + payload.readUInt16BE(at);
    if (end > payload.length) return undefined;
    parts.push(START_CODE, payload.subarray(at + 2, end));
    at = end;
  }
  return parts;
}

function unpackFragment(payload: Buffer): Buffer[] | undefined {
  if (payload.length < 3) return undefined;
  const rest = payload.subarray(2);
  const isFirst = payload[1]! & 0x80;
  return isFirst
    ? [START_CODE, Buffer.of((payload[0]! & 0xe0) | (payload[1]! & 0x1f)), rest]
    : [rest];
}

function fragmentsOf(unit: Buffer, maxBytes: number): Buffer[] {
  const size = maxBytes - 2;
  const packets: Buffer[] = [];
  for (let at = 1; at < unit.length; at += size) {
    const isFirst = at === 1 ? 0x80 : 0;
    const isLast = at + size >= unit.length ? 0x40 : 0;
    const header = Buffer.of((unit[0]! & 0xe0) | FU_A, isFirst | isLast | (unit[0]! & 0x1f));
    packets.push(Buffer.concat([header, unit.subarray(at, at + size)]));
  }
  return packets;
}

/** Splits a frame at start codes of three or four bytes. */
function unitsOf(frame: Buffer): Buffer[] {
  const units: Buffer[] = [];
  let begin = -1;
  for (let at = frame.indexOf(SHORT_START); at >= 0;) {
    if (begin >= 0) units.push(withoutTrailingZeros(frame.subarray(begin, at)));
    begin = at + SHORT_START.length;
    at = frame.indexOf(SHORT_START, begin);
  }
  if (begin >= 0) units.push(frame.subarray(begin));
  return units.filter((unit) => unit.length > 0);
}

const SHORT_START = Buffer.of(0, 0, 1);

/** Removes trailing zeros, which belong to the next start code. */
function withoutTrailingZeros(unit: Buffer): Buffer {
  let end = unit.length;
  while (end > 0 && unit[end - 1] === 0) end--;
  return unit.subarray(0, end);
}

export const VIDEO_PAYLOADS: Record<VideoCodec, VideoPayload> = { VP8, H264 };

/** Largest RTP payload, in bytes: it fits the usual MTUs with all headers. */
const MAX_PAYLOAD_BYTES = 1_100;
/** RTP clock of video, in ticks per millisecond. */
export const CLOCK_KHZ = 90;

/** An encoded video frame to send. */
export interface OutgoingVideo {
  /** A VP8 frame, or the NAL units of an H.264 access unit in Annex B format. */
  readonly data: Buffer;
  /** Presentation time, in milliseconds since the first frame. */
  readonly timestampMs: number;
}

/** Packetizes a video frame. */
export function packetizeVideo(
  { data, timestampMs }: OutgoingVideo,
  codec: VideoCodec,
): OutgoingRtp[] {
  const timestamp = Math.round(timestampMs * CLOCK_KHZ) % 2 ** 32;
  const payloads = VIDEO_PAYLOADS[codec].pack(data, MAX_PAYLOAD_BYTES);
  return payloads.map((payload, i) => ({
    payload,
    timestamp,
    marker: i === payloads.length - 1,
  }));
}
