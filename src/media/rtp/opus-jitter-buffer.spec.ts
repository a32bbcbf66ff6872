import { beforeAll, describe, expect, it } from '@jest/globals';
import * as opus from 'libopus-wasm';
import { atRate, similarity, speech } from '../../../test/support/sound.js';
import {
  createOpusDecoder,
  createOpusEncoder,
  OPUS_OUTPUT_HZ,
  type OpusDecoder,
} from '../codecs/opus.js';
import { OpusJitterBuffer } from './opus-jitter-buffer.js';
import { OpusSender, PACKET_SAMPLES } from './opus-sender.js';
import type { RtpPacket } from './rtp-packet.js';

const HZ = 16_000;
const SECONDS = 6;

/** The original speech. */
let spoken: Int16Array;
let packets: RtpPacket[];

beforeAll(async () => {
  spoken = atRate(speech(SECONDS), 8_000, HZ);
  const pcm = atRate(spoken, HZ, OPUS_OUTPUT_HZ);
  const encoder = await createOpusEncoder(opus);
  packets = [];
  const sender = new OpusSender(encoder, (packet) =>
    packets.push({
      ...packet,
      ssrc: 7,
      payloadType: 111,
      sequenceNumber: (65_500 + packets.length) & 0xffff,
    }),
  );
  for (let i = 0; i * PACKET_SAMPLES < pcm.length; i++) {
    sender.push(pcm.subarray(i * PACKET_SAMPLES, (i + 1) * PACKET_SAMPLES));
    sender.tick(i * 20);
  }
  encoder.free();
});

/** A network that loses packets and delays each by its own while. */
async function through({ lossPercent = 0, jitterMs = 0, seed = 1 }) {
  const random = mulberry32(seed);
  const arriving = packets
    .map((packet, i) => ({
      packet,
      lost: i > 0 && i < packets.length - 1 && random() * 100 < lossPercent,
      atMs: i === 0 ? 0 : i * 20 + random() * jitterMs,
    }))
    .filter(({ lost }) => !lost)
    .sort((a, b) => a.atMs - b.atMs);
  const decoder = await createOpusDecoder(opus, HZ);
  const heard: number[] = [];
  const delays: number[] = [];
  let nowMs = 0;
  const receiver = new OpusJitterBuffer(decoder, (pcm, timestampMs) => {
    for (const sample of pcm) heard.push(sample);
    delays.push(nowMs - timestampMs);
  });
  // Else the end is followed by silence.
  receiver.fillsSilence = false;
  for (nowMs = 0; nowMs < SECONDS * 1_000 + 500; nowMs += 20) {
    while (arriving[0] && arriving[0].atMs < nowMs + 20) {
      const { packet, atMs } = arriving.shift()!;
      nowMs = atMs;
      receiver.push(packet, atMs);
    }
    nowMs = Math.floor(nowMs / 20) * 20;
    receiver.tick(nowMs);
  }
  decoder.free();
  return { heard: Int16Array.from(heard), delays, stats: receiver.stats };
}

function mulberry32(seed: number) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The mean over pieces of 20 ms of how far the difference is below the sound, in dB, each between -10 and 35. */
function segmentalSnr(copy: Int16Array, original: Int16Array): number {
  const size = HZ / 50;
  let sum = 0;
  let count = 0;
  for (let at = 0; at + size <= Math.min(copy.length, original.length); at += size) {
    let signal = 0;
    let noise = 0;
    for (let i = at; i < at + size; i++) {
      signal += original[i]! ** 2;
      noise += (copy[i]! - original[i]!) ** 2;
    }
    if (signal < size * 100 ** 2) continue;
    sum += Math.min(35, Math.max(-10, 10 * Math.log10(signal / (noise || 1))));
    count++;
  }
  return sum / count;
}

describe('OpusJitterBuffer', () => {
  it('decodes packets in order at once, with their timestamps', async () => {
    const { heard, delays, stats } = await through({});
    expect(stats).toEqual({ received: packets.length, lost: 0, late: 0, malformed: 0 });
    expect(heard).toHaveLength(spoken.length);
    expect(Math.max(...delays)).toBe(0);
    expect(similarity(heard, HZ, spoken, HZ)).toBeGreaterThan(0.95);
  });

  it('reorders packets and loses none', async () => {
    const clean = await through({});
    const { heard, stats } = await through({ jitterMs: 50 });
    expect(stats).toMatchObject({ lost: 0, late: 0 });
    expect(heard).toEqual(clean.heard);
  });

  it.each([1, 2, 3])(
    'conceals 5 % packet loss under 50 ms of jitter (FEC and PLC), seed %i',
    async (seed) => {
      const clean = await through({});
      const { heard, delays, stats } = await through({ lossPercent: 5, jitterMs: 50, seed });
      expect(stats.lost).toBeGreaterThan(packets.length * 0.02);
      expect(heard).toHaveLength(clean.heard.length);
      expect(segmentalSnr(heard, clean.heard)).toBeGreaterThan(20);
      expect(similarity(heard, HZ, spoken, HZ)).toBeGreaterThan(0.94);
      // Nothing waits longer than what is missing may take.
      expect(Math.max(...delays)).toBeLessThanOrEqual(260);
    },
  );

  it('adapts the jitter delay to late packets', async () => {
    const { stats } = await through({ jitterMs: 150 });
    expect(stats.late).toBeGreaterThan(0);
    expect(stats.late).toBeLessThan(packets.length * 0.03);
  });

  it('fills pauses of discontinuous transmission (DTX) with silence, for a limited time', async () => {
    const { receiver, heardMs } = await listener();
    receiver.push(packets[0]!, 0);
    for (let nowMs = 20; nowMs <= 400; nowMs += 20) receiver.tick(nowMs);
    expect(heardMs()).toBeGreaterThanOrEqual(300);
    // It counted on, and so did we.
    receiver.push({ ...packets[1]!, timestamp: packets[0]!.timestamp + 20 * 960 }, 400);
    expect(heardMs()).toBe(420);
    expect(receiver.stats.lost).toBe(0);
    for (let nowMs = 420; nowMs <= 5_000; nowMs += 20) receiver.tick(nowMs);
    expect(heardMs()).toBeLessThanOrEqual(1_420);
  });

  it('fills no silence for a muted sender', async () => {
    const { receiver, heardMs } = await listener();
    receiver.push(packets[0]!, 0);
    receiver.fillsSilence = false;
    for (let nowMs = 20; nowMs <= 900; nowMs += 20) receiver.tick(nowMs);
    expect(heardMs()).toBe(20);
  });

  it('continues with a new stream, and after a long gap', async () => {
    const { receiver, heardMs } = await listener();
    receiver.push(packets[0]!, 0);
    receiver.push({ ...packets[5]!, ssrc: 8, sequenceNumber: 9, timestamp: 5 }, 20);
    receiver.push({ ...packets[6]!, ssrc: 8, sequenceNumber: 10, timestamp: 965 }, 40);
    expect(heardMs()).toBe(60);
    receiver.push(
      { ...packets[7]!, ssrc: 8, sequenceNumber: 11, timestamp: 965 + 48_000 * 60 },
      60_000,
    );
    expect(heardMs()).toBe(80);
    expect(receiver.stats).toMatchObject({ received: 4, lost: 0 });
  });

  it.each([10, 20, 40, 60])('decodes packets of %i ms, mono and stereo', async (ms) => {
    const encoder = await opus.createEncoder({
      sampleRate: 48_000,
      channels: 2,
      frameSize: ms * 48,
    });
    const { receiver, heardMs } = await listener();
    for (let i = 0; i < 10; i++) {
      const payload = Buffer.from(encoder.encode(new Int16Array(ms * 48 * 2)));
      const timestamp = i * ms * 48;
      if (i !== 5) receiver.push({ ...packets[0]!, payload, timestamp, sequenceNumber: i }, i * ms);
    }
    encoder.free();
    for (let nowMs = 10 * ms; nowMs < 10 * ms + 200; nowMs += 20) receiver.tick(nowMs);
    expect(heardMs()).toBeGreaterThanOrEqual(10 * ms);
    expect(receiver.stats).toMatchObject({ received: 9, lost: 1 });
  });

  it.each([
    ['packets faster than they are spoken', 960],
    ['packets that each tell of a second before them', 48_960],
  ])('limits decoding to a burst of 10 s for %s', async (_, step) => {
    const { receiver, heardMs } = await listener();
    // Of them four a millisecond, for ten seconds.
    for (let i = 0; i < 40_000; i++) {
      const packet = { ...packets[20]!, timestamp: i * step, sequenceNumber: i & 0xffff };
      receiver.push(packet, i / 4);
    }
    expect(heardMs()).toBeGreaterThan(19_000);
    expect(heardMs()).toBeLessThan(22_000);
    expect(receiver.stats.malformed).toBeGreaterThan(0);
    // And hears again who speaks as fast as time goes by.
    const before = heardMs();
    for (let i = 0; i < 500; i++) {
      const packet = { ...packets[20]!, ssrc: 8, timestamp: i * 960, sequenceNumber: i };
      receiver.push(packet, 20_000 + i * 20);
    }
    expect(heardMs() - before).toBe(10_000);
  });

  /** A decoder whose audio tells what was decoded: the second byte of a packet, or 0 for what was concealed. */
  function told() {
    const heard: number[] = [];
    const decoder: OpusDecoder = {
      sampleRate: 48_000,
      decode: (packet, { frameSize = 960, decodeFec } = {}) =>
        new Int16Array(frameSize).fill(decodeFec ? 0 : (packet?.[1] ?? 0)),
      free: () => undefined,
    };
    const receiver = new OpusJitterBuffer(decoder, (pcm) => heard.push(pcm[0]!));
    /** Receives a packet of 20 ms. */
    const push = (sequenceNumber: number, more: Partial<RtpPacket> = {}): void => {
      const payload = Buffer.of(0xf8, 100 + (sequenceNumber % 100));
      const timestamp = sequenceNumber * 960;
      const packet = { ssrc: 7, payloadType: 111, marker: false, payload, timestamp };
      receiver.push({ ...packet, sequenceNumber, ...more }, 0);
    };
    return { heard, receiver, push };
  }

  it('waits for a missing packet no longer than for fifty others', () => {
    const { heard, receiver, push } = told();
    push(0);
    for (let i = 2; i <= 51; i++) push(i);
    expect(heard).toEqual([100]);
    push(52);
    expect(receiver.stats.lost).toBe(1);
    expect(heard).toHaveLength(53);
  });

  it('waits for a missing packet 200 ms at most, however late others came', () => {
    const { receiver } = told();
    const push = (sequenceNumber: number, nowMs: number): void => {
      const more = { ssrc: 7, payloadType: 111, marker: false, payload: Buffer.of(0xf8, 1) };
      receiver.push({ ...more, sequenceNumber, timestamp: sequenceNumber * 960 }, nowMs);
    };
    push(0, 0);
    push(2, 0);
    receiver.tick(100);
    push(1, 900);
    expect(receiver.stats).toMatchObject({ lost: 1, late: 1 });
    push(4, 1_000);
    receiver.tick(1_190);
    expect(receiver.stats.lost).toBe(1);
    receiver.tick(1_200);
    expect(receiver.stats.lost).toBe(2);
  });

  it('makes up at most a second of what is missing', () => {
    const { heard, push } = told();
    push(0);
    push(1, { timestamp: 51 * 960 });
    expect(heard).toHaveLength(52);
    push(2, { timestamp: 103 * 960 });
    expect(heard.slice(52)).toEqual([102]);
  });

  it('plays nothing of an earlier stream in the next one', () => {
    const { heard, push } = told();
    push(0);
    push(2);
    push(1, { ssrc: 8 });
    expect(heard).toEqual([100, 101]);
  });

  it('ignores malformed packets', async () => {
    const { receiver } = await listener();
    const random = mulberry32(5);
    for (let i = 0; i < 2_000; i++) {
      const payload = Buffer.from(
        Array.from({ length: (random() * 40) | 0 }, () => (random() * 256) | 0),
      );
      const sequenceNumber = (i + ((random() * 8) | 0)) & 0xffff;
      const timestamp = (random() * 2 ** 32) >>> 0;
      receiver.push({ ...packets[0]!, payload, timestamp, sequenceNumber }, i * 20);
      receiver.tick(i * 20);
    }
    expect(receiver.stats.malformed).toBeGreaterThan(0);
  });
});

async function listener() {
  let samples = 0;
  const decoder = await createOpusDecoder(opus, HZ);
  const receiver = new OpusJitterBuffer(decoder, (pcm) => (samples += pcm.length));
  return { receiver, heardMs: () => (samples * 1_000) / HZ };
}
