import { describe, expect, it, jest } from '@jest/globals';
import type { RtpPacket } from './rtp-packet.js';
import { type VideoCodec, packetizeVideo } from './video-payload.js';
import { VideoReceiver, type VideoFrame } from './video-receiver.js';

/** VP8 tells by the first bit of a frame; H.264 by the kind of its units. */
const vp8 = (key: boolean, bytes: number, fill: number) =>
  Buffer.concat([Buffer.of(key ? 0 : 1), Buffer.alloc(bytes, fill)]);
const unit = (type: number, bytes: number, fill: number) =>
  Buffer.concat([Buffer.of(0, 0, 0, 1, 0x60 | type), Buffer.alloc(bytes, fill)]);
const h264 = (key: boolean, bytes: number, fill: number) =>
  key ? Buffer.concat([unit(7, 20, 3), unit(8, 4, 3), unit(5, bytes, fill)]) : unit(1, bytes, fill);

const PICTURES = { VP8: vp8, H264: h264 };
/** Some fit into one packet, some do not. */
const SIZES = [5_000, 300, 2_500, 1_099, 1_100, 40];

class Stream {
  readonly frames: VideoFrame[] = [];
  readonly keyframeNeeded = jest.fn();
  private readonly receiver = new VideoReceiver({
    frame: (frame) => this.frames.push(frame),
    keyframeNeeded: this.keyframeNeeded,
  });
  private sequenceNumber = 65_530;

  constructor(
    private readonly codec: VideoCodec,
    private readonly ssrc = 7,
  ) {}

  packets(data: Buffer, timestampMs: number): RtpPacket[] {
    return packetizeVideo({ data, timestampMs }, this.codec).map((packet) => ({
      ...packet,
      ssrc: this.ssrc,
      payloadType: 96,
      sequenceNumber: this.sequenceNumber++ & 0xffff,
    }));
  }

  push(packets: RtpPacket[], nowMs: number): void {
    for (const packet of packets) this.receiver.push(packet, this.codec, nowMs);
  }

  get shown() {
    return this.frames.map(({ data }) => data);
  }
}

describe.each(['VP8', 'H264'] as const)('RTP video, %s', (codec) => {
  const picture = PICTURES[codec];
  const pictures = SIZES.map((size, i) => picture(i === 0, size, i + 1));

  it('packetizes frames within the MTU and reassembles them', () => {
    const stream = new Stream(codec);
    pictures.forEach((data, i) => {
      const packets = stream.packets(data, i * 40);
      expect(Math.max(...packets.map(({ payload }) => payload.length))).toBeLessThanOrEqual(1_100);
      expect(packets.map(({ marker }) => marker).lastIndexOf(false)).toBe(packets.length - 2);
      stream.push(packets, i * 40);
    });
    expect(stream.shown).toEqual(pictures);
    expect(stream.frames.map(({ keyframe }) => keyframe)).toEqual(SIZES.map((_, i) => i === 0));
    expect(stream.frames.map(({ timestampMs }) => timestampMs)).toEqual([0, 40, 80, 120, 160, 200]);
  });

  it('reorders packets', () => {
    const stream = new Stream(codec);
    const packets = pictures.flatMap((data, i) => stream.packets(data, i * 40));
    const [first, ...rest] = packets;
    stream.push([first!, ...rest.reverse()], 0);
    expect(stream.shown).toEqual(pictures);
  });

  it('drops frames that depend on a lost one, and requests a keyframe', () => {
    const stream = new Stream(codec);
    stream.push(stream.packets(pictures[0]!, 0), 0);
    const broken = stream.packets(picture(false, 3_000, 9), 40);
    stream.push([broken[0]!, ...broken.slice(2)], 40);
    stream.push(stream.packets(pictures[1]!, 80), 80);
    expect(stream.shown).toEqual([pictures[0]]);
    stream.keyframeNeeded.mockClear();
    // Nobody sent it again.
    stream.push(stream.packets(pictures[2]!, 120), 300);
    expect(stream.keyframeNeeded).toHaveBeenCalledTimes(1);
    stream.push(stream.packets(pictures[3]!, 160), 400);
    expect(stream.keyframeNeeded).toHaveBeenCalledTimes(1);
    const key = picture(true, 2_000, 10);
    stream.push(stream.packets(key, 200), 440);
    stream.push(stream.packets(pictures[4]!, 240), 480);
    expect(stream.shown).toEqual([pictures[0], key, pictures[4]]);
    expect(stream.keyframeNeeded).toHaveBeenCalledTimes(1);
  });

  it('waits for a missing packet no longer than for a thousand others', () => {
    const stream = new Stream(codec);
    stream.push(stream.packets(pictures[0]!, 0), 0);
    stream.push(stream.packets(picture(false, 3_000, 9), 40).slice(1), 40);
    stream.keyframeNeeded.mockClear();
    for (let i = 0; i < 990; i++) stream.push(stream.packets(picture(false, 40, 1), 80 + i), 40);
    expect(stream.keyframeNeeded).not.toHaveBeenCalled();
    for (let i = 0; i < 20; i++) stream.push(stream.packets(picture(false, 40, 1), 2_000 + i), 40);
    expect(stream.keyframeNeeded).toHaveBeenCalled();
  });

  it('accepts a retransmitted packet in time', () => {
    const stream = new Stream(codec);
    stream.push(stream.packets(pictures[0]!, 0), 0);
    const late = stream.packets(pictures[2]!, 40);
    stream.push(late.slice(1), 40);
    stream.push(stream.packets(pictures[1]!, 80), 80);
    stream.push(late.slice(0, 1), 120);
    expect(stream.shown).toEqual([pictures[0], pictures[2], pictures[1]]);
  });

  it('ignores malformed packets', () => {
    const stream = new Stream(codec);
    const nonsense = Array.from({ length: 500 }, (_, i): RtpPacket => ({
      ssrc: 7,
      payloadType: 96,
      sequenceNumber: i,
      timestamp: i >> 2,
      marker: i % 3 === 0,
      payload: Buffer.from(Array.from({ length: i % 7 }, (_, j) => (i * 31 + j * 17) & 0xff)),
    }));
    expect(() => stream.push(nonsense, 0)).not.toThrow();
  });
});

describe('an oversized video frame', () => {
  const push = (count: number, codec: VideoCodec, payload: Buffer, last = false) => {
    const frames: VideoFrame[] = [];
    const receiver = new VideoReceiver({
      frame: (frame) => frames.push(frame),
      keyframeNeeded: () => undefined,
    });
    for (let i = 0; i < count; i++) {
      const sequenceNumber = i & 0xffff;
      const marker = last && i === count - 1;
      receiver.push(
        { ssrc: 1, payloadType: 96, sequenceNumber, timestamp: 0, marker, payload },
        codec,
        0,
      );
    }
    return { frames, parts: (receiver as unknown as { parts: Buffer[] }).parts.length };
  };

  it.each<[VideoCodec, Buffer]>([
    ['VP8', Buffer.of(0x10, 0)],
    ['H264', Buffer.of(0x7c, 0x05, 1)],
    ['H264', Buffer.concat([Buffer.of(24), Buffer.alloc(1_000)])],
  ])('is dropped before its parts fill the memory: %s', (codec, payload) => {
    expect(push(60_000, codec, payload).parts).toBeLessThan(20_000);
  });

  it('is checked for a keyframe in linear time', () => {
    // Of units without content.
    const payload = Buffer.concat([Buffer.of(0x67), Buffer.from('000001'.repeat(350), 'hex')]);
    const before = process.cpuUsage();
    for (let i = 0; i < 3; i++) push(3_000, 'H264', payload, true);
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(400);
  });
});

it('H.264: depacketizes several units of one packet (STAP-A)', () => {
  const frames: VideoFrame[] = [];
  const receiver = new VideoReceiver({
    frame: (frame) => frames.push(frame),
    keyframeNeeded: () => undefined,
  });
  const units = [Buffer.of(0x67, 1, 2), Buffer.of(0x68, 3), Buffer.of(0x65, 4, 5, 6)];
  const aggregate = Buffer.concat([
    Buffer.of(24),
    ...units.flatMap((one) => [Buffer.of(0, one.length), one]),
  ]);
  receiver.push(
    { ssrc: 1, payloadType: 97, sequenceNumber: 1, timestamp: 0, marker: true, payload: aggregate },
    'H264',
    0,
  );
  const start = Buffer.of(0, 0, 0, 1);
  expect(frames).toEqual([
    {
      codec: 'H264',
      data: Buffer.concat(units.flatMap((one) => [start, one])),
      keyframe: true,
      timestampMs: 0,
    },
  ]);
});

it('VP8: skips the extensions of a payload descriptor', () => {
  const frames: VideoFrame[] = [];
  const receiver = new VideoReceiver({
    frame: (frame) => frames.push(frame),
    keyframeNeeded: () => undefined,
  });
  const picture = vp8(true, 10, 4);
  // Picture number of 15 bits, layer index and number.
  const descriptor = Buffer.of(0x90, 0xf0, 0x81, 0x02, 0x03, 0x20);
  const payload = Buffer.concat([descriptor, picture]);
  receiver.push(
    { ssrc: 1, payloadType: 96, sequenceNumber: 1, timestamp: 0, marker: true, payload },
    'VP8',
    0,
  );
  expect(frames.map(({ data }) => data)).toEqual([picture]);
});
