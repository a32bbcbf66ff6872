import { describe, expect, it } from '@jest/globals';
import * as opus from 'libopus-wasm';
import { tone } from '../../../test/support/sound.js';
import { createOpusEncoder, OPUS_OUTPUT_HZ, opusDuration } from '../codecs/opus.js';
import { OpusSender, PACKET_SAMPLES } from './opus-sender.js';
import type { OutgoingRtp } from './rtp-packet.js';

const sound = tone(440, OPUS_OUTPUT_HZ, 0.02);

async function newSender() {
  const sent: OutgoingRtp[] = [];
  const sender = new OpusSender(await createOpusEncoder(opus), (packet) => sent.push(packet));
  return { sender, sent };
}

describe('OpusSender', () => {
  it('sends a packet every 20 ms, with silence when no audio is queued', async () => {
    const { sender, sent } = await newSender();
    let dueMs = sender.tick(1_000.4);
    expect(dueMs).toBeCloseTo(1_020.4);
    sender.push(sound);
    for (let i = 0; i < 30; i++) dueMs = sender.tick(dueMs + 3);
    expect(sent).toHaveLength(31);
    expect(sent.map(({ timestamp }) => timestamp)).toEqual(sent.map((_, i) => i * 960));
    expect(sent.map(({ marker }) => marker).indexOf(true)).toBe(1);
    for (const { payload } of sent) expect(opusDuration(payload)).toBe(960);
    expect(sent[1]!.payload.length).toBeGreaterThan(sent[30]!.payload.length);
  });

  it('catches up after a short stall and skips time after a long one', async () => {
    const { sender, sent } = await newSender();
    sender.tick(0);
    sender.tick(85);
    expect(sent).toHaveLength(5);
    const dueMs = sender.tick(10_000);
    expect(sent).toHaveLength(6);
    expect(sent[5]!.timestamp).toBe((10_000 / 20) * 960);
    expect(dueMs).toBe(10_020);
  });

  it('buffers 1 s of audio at most, and clear() drops it', async () => {
    const { sender, sent } = await newSender();
    for (let i = 0; i < 50; i++) expect(sender.push(sound)).toBe(true);
    expect(sender.push(sound)).toBe(false);
    sender.clear();
    expect(sender.push(new Int16Array(PACKET_SAMPLES))).toBe(true);
    sender.tick(0);
    sender.tick(20);
    expect(sent).toHaveLength(2);
  });

  it('copies audio, so that its memory can be reused', async () => {
    const { sender, sent } = await newSender();
    const other = await newSender();
    const pcm = sound.slice();
    sender.push(pcm);
    other.sender.push(pcm);
    pcm.fill(0);
    sender.tick(0);
    other.sender.push(pcm);
    other.sender.clear();
    other.sender.push(sound);
    other.sender.tick(0);
    expect(sent[0]!.payload).toEqual(other.sent[0]!.payload);
  });
});
