import { BinaryReader } from '@bufbuild/protobuf/wire';
import { describe, expect, it, jest } from '@jest/globals';
import type { InboundMedia } from './media-serializer.js';
import { ProtobufSerializer } from './protobuf.serializer.js';

/** Frames that Google's own protobuf for Python makes by Pipecat's frames.proto. */
const GOOGLE = {
  audio: '120d1a060100ff7f008020807d2801',
  audioWithAllFields: '122008071205617564696f1a08000102030405060720c0bb0128023094b4e4f4cb03',
  message: '22290a277b226c6162656c223a22727476692d6169222c2274797065223a2278222c226964223a2231227d',
  text: '0a170803120b546578744672616d6523331a0668c3a96c6c6f',
  transcription: '1a1e1a026869220275312a14323032362d30312d30315430303a30303a30305a',
  interruption: '2a00',
  interruptionWithAllFields: '2a050809120149',
};

const read = (hex: string): InboundMedia =>
  new ProtobufSerializer().read(Buffer.from(hex, 'hex'), true);

describe('protobuf frames', () => {
  it('are read', () => {
    expect(read(GOOGLE.audio)).toEqual({
      kind: 'audio',
      pcm: Int16Array.of(1, 32_767, -32_768),
      sampleRateHz: 16_000,
      channels: 1,
      timestampMs: undefined,
    });
    expect(read(GOOGLE.audioWithAllFields)).toMatchObject({
      pcm: Int16Array.of(0x0100, 0x0302, 0x0504, 0x0706),
      sampleRateHz: 24_000,
      channels: 2,
    });
    expect(read(GOOGLE.message)).toEqual({
      kind: 'message',
      message: { label: 'rtvi-ai', type: 'x', id: '1' },
    });
    expect(read(GOOGLE.text)).toEqual({ kind: 'text', text: 'héllo' });
    expect(read(GOOGLE.transcription)).toEqual({
      kind: 'transcription',
      text: 'hi',
      user_id: 'u1',
      timestamp: '2026-01-01T00:00:00Z',
    });
    expect(read(GOOGLE.interruption)).toEqual({ kind: 'interruption' });
    expect(read(GOOGLE.interruptionWithAllFields)).toEqual({ kind: 'interruption' });
  });

  it('are written', () => {
    const serializer = new ProtobufSerializer(16_000);
    expect(serializer.audio(Int16Array.of(1, 32_767, -32_768)).toString('hex')).toBe(GOOGLE.audio);
    expect(serializer.clear().toString('hex')).toBe(GOOGLE.interruption);
    expect(serializer.message({ label: 'rtvi-ai', type: 'x', id: '1' }).toString('hex')).toBe(
      GOOGLE.message,
    );
    expect(serializer.mark()).toBeUndefined();
    expect(serializer.dtmf()).toBeUndefined();
  });

  it.each([
    ['', 'a frame of no known kind'],
    ['0801', 'a frame of no known kind'],
    ['3a00', 'a frame of no known kind'],
    ['ffffffffffffffffffff', 'a message that is no protobuf frame'],
    ['12', 'a message that is no protobuf frame'],
    ['12ff01', 'a message that is no protobuf frame'],
    ['12081a060100ff7f0080', 'audio without a usable sample rate'],
    ['120b1a060100ff7f008020807d', 'audio without a usable number of channels'],
    ['120c1a050100ff7f0020807d2801', 'audio that ends within a sample'],
    ['12101a060100ff7f008020ffffffff0f2801', 'audio without a usable sample rate'],
    ['22050a037b7d7d', 'a message whose data is not JSON, or too deep'],
  ])('%s is malformed', (hex, what) => {
    expect(read(hex)).toEqual({ kind: 'malformed', what });
  });

  it('of audio without audio are nothing', () => {
    expect(read('1205208 07d2801'.replace(' ', ''))).toEqual({ kind: 'ignored' });
  });

  it('are binary', () => {
    const text = Buffer.from('{"event":"media"}');
    expect(new ProtobufSerializer().read(text, false)).toEqual({
      kind: 'malformed',
      what: 'a text message where binary is due',
    });
  });

  it('have at most 100 fields', () => {
    const what = 'a message of more than 100 fields';
    expect(read('2a00'.repeat(100))).toEqual({ kind: 'interruption' });
    expect(read('2a00'.repeat(101))).toEqual({ kind: 'malformed', what });
    expect(read(`22ca01${'0a00'.repeat(101)}`)).toEqual({ kind: 'malformed', what });
  });

  it.each([
    ['one', `b301${'7878'.repeat(3)}b401`],
    ['one that holds a megabyte', `b301${'7878'.repeat(2 ** 19)}b401`],
    ['half a million of them in each other', '0b'.repeat(2 ** 19)],
  ])('have no groups, in which nobody counts the fields: %s', (_, hex) => {
    const data = Buffer.from(hex + GOOGLE.interruption, 'hex');
    const read = jest.spyOn(BinaryReader.prototype, 'tag');
    expect(new ProtobufSerializer().read(data, true)).toEqual({
      kind: 'malformed',
      what: 'a message that is no protobuf frame',
    });
    expect(read.mock.calls).toHaveLength(1);
    read.mockRestore();
  });

  it.each(['2200', '0a00', '1a00', '1200', '2a00', '0800', '2a022200', '12001a002200'])(
    'are read in a moment, though there is %s in them over and over',
    (hex) => {
      const data = Buffer.from(hex.repeat(2 ** 21 / hex.length), 'hex');
      const before = process.cpuUsage();
      new ProtobufSerializer().read(data, true);
      expect(process.cpuUsage(before).user / 1_000).toBeLessThan(100);
    },
  );

  it('are what comes last in them', () => {
    expect(read(GOOGLE.text + GOOGLE.message + GOOGLE.interruption + '0801')).toEqual({
      kind: 'interruption',
    });
    expect(read(GOOGLE.interruption + GOOGLE.text)).toEqual({ kind: 'text', text: 'héllo' });
  });

  it('may be anything: 20,000 random ones', () => {
    const serializer = new ProtobufSerializer();
    const samples = Object.values(GOOGLE).map((hex) => Buffer.from(hex, 'hex'));
    let seed = 11;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (let i = 0; i < 20_000; i++) {
      const bytes =
        i % 2
          ? Buffer.from(samples[i % samples.length]!)
          : Buffer.from(Uint8Array.from({ length: random(40) }, () => random(256)));
      for (let changes = random(4); changes > 0 && bytes.length > 0; changes--) {
        bytes[random(bytes.length)] = random(256);
      }
      expect(typeof serializer.read(bytes, true).kind).toBe('string');
    }
  });
});
