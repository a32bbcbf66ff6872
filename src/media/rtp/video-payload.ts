/** The video codecs whose packets are understood; pictures stay encoded. */
export type VideoCodec = 'VP8' | 'H264';

/** How a codec's pictures are cut into packets, and put together again. */
export interface VideoPayload {
  /** What a packet adds to the picture. @returns `undefined` when it is broken */
  unpack(payload: Buffer): Buffer[] | undefined;
  /** Whether a picture surely begins with this packet. */
  begins(payload: Buffer): boolean;
  /** Whether a picture can be shown without those before it. */
  isKeyframe(picture: Buffer): boolean;
  /** The packets of a picture, none larger than `mostBytes`. */
  pack(picture: Buffer, mostBytes: number): Buffer[];
}

/** RFC 7741. A picture is a frame of VP8. */
const VP8: VideoPayload = {
  unpack(payload) {
    const length = vp8DescriptorLength(payload);
    return length < payload.length ? [payload.subarray(length)] : undefined;
  },
  begins: (payload) => (payload[0]! & 0x17) === VP8_START,
  isKeyframe: (picture) => picture.length > 0 && (picture[0]! & 1) === 0,
  pack(picture, mostBytes) {
    const packets: Buffer[] = [];
    for (let at = 0; at < picture.length; at += mostBytes - 1) {
      const descriptor = Buffer.of(at === 0 ? VP8_START : 0);
      packets.push(Buffer.concat([descriptor, picture.subarray(at, at + mostBytes - 1)]));
    }
    return packets;
  },
};

/** The start of the first partition. */
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

/** RFC 6184, packetization-mode 1. A picture is in Annex B form: each unit behind a start code. */
const H264: VideoPayload = {
  unpack(payload) {
    const type = payload[0]! & 0x1f;
    if (type === STAP_A) return unpackAggregate(payload);
    if (type === FU_A) return unpackFragment(payload);
    return type > 0 && type < STAP_A ? [START_CODE, payload] : undefined;
  },
  // With parameter sets or a delimiter, which may come with others.
  begins(payload) {
    const type = payload[0]! & 0x1f;
    const first = type === STAP_A ? (payload[3] ?? 0) & 0x1f : type;
    return first === SPS || first === DELIMITER;
  },
  // Without taking it apart: a picture may be a million units.
  isKeyframe(picture) {
    for (let at = 3; at < picture.length; at++) {
      const begins = picture[at - 1] === 1 && picture[at - 2] === 0 && picture[at - 3] === 0;
      if (begins && (picture[at]! & 0x1f) === IDR) return true;
    }
    return false;
  },
  pack: (picture, mostBytes) =>
    unitsOf(picture).flatMap((unit) =>
      unit.length <= mostBytes ? [unit] : fragmentsOf(unit, mostBytes),
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

function fragmentsOf(unit: Buffer, mostBytes: number): Buffer[] {
  const size = mostBytes - 2;
  const packets: Buffer[] = [];
  for (let at = 1; at < unit.length; at += size) {
    const isFirst = at === 1 ? 0x80 : 0;
    const isLast = at + size >= unit.length ? 0x40 : 0;
    const header = Buffer.of((unit[0]! & 0xe0) | FU_A, isFirst | isLast | (unit[0]! & 0x1f));
    packets.push(Buffer.concat([header, unit.subarray(at, at + size)]));
  }
  return packets;
}

/** The units between start codes of three or four bytes. */
function unitsOf(picture: Buffer): Buffer[] {
  const units: Buffer[] = [];
  let begin = -1;
  for (let at = picture.indexOf(SHORT_START); at >= 0;) {
    if (begin >= 0) units.push(withoutTrailingZeros(picture.subarray(begin, at)));
    begin = at + SHORT_START.length;
    at = picture.indexOf(SHORT_START, begin);
  }
  if (begin >= 0) units.push(picture.subarray(begin));
  return units.filter((unit) => unit.length > 0);
}

const SHORT_START = Buffer.of(0, 0, 1);

/** The zeros belong to the start code that follows. */
function withoutTrailingZeros(unit: Buffer): Buffer {
  let end = unit.length;
  while (end > 0 && unit[end - 1] === 0) end--;
  return unit.subarray(0, end);
}

export const VIDEO_PAYLOADS: Record<VideoCodec, VideoPayload> = { VP8, H264 };
