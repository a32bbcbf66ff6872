import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { bytesLike, jsonLike } from '../support/mutate.js';
import { botQuery, frameBytes, RawSocket, readAll, sendMessages } from '../support/socket.js';

const field = (number, bytes) =>
  Buffer.from(new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish());
const varint = (number, value) =>
  Buffer.from(new BinaryWriter().tag(number, WireType.Varint).uint32(value).finish());
const text = (number, value) => field(number, Buffer.from(value));

const texts = fc.constantFrom('', 'hello', '☎', 'x'.repeat(5_000));
const rate = fc.constantFrom(0, 1, 8_000, 16_000, 24_000, 48_000, 44_100, 96_001, 2 ** 32 - 1);
const audio = fc
  .record({
    samples: fc.constantFrom(0, 1, 160, 481, 24_000, 500_000),
    rateHz: rate,
    channels: fc.constantFrom(0, 1, 2, 3, 8, 2 ** 31),
  })
  .map(({ samples, rateHz, channels }) =>
    Buffer.concat([
      varint(1, 7),
      text(2, 'audio'),
      field(3, Buffer.alloc(samples, 3)),
      varint(4, rateHz),
      varint(5, channels),
    ]),
  );
const MESSAGES = [
  { label: 'rtvi-ai', type: 'client-ready', id: '1', data: { version: '1.0.0', about: {} } },
  { label: 'rtvi-ai', type: 'dtmf', id: '2', data: { buttons: ['1', '#'] } },
  {
    label: 'rtvi-ai',
    type: 'raw-audio',
    id: '3',
    data: { base64Audio: 'AAAA', sampleRate: 16_000, numChannels: 1 },
  },
  { type: 'x', data: [1, null, 'y'] },
];
const variant = fc.oneof(
  texts.map((one) => [1, Buffer.concat([varint(1, 1), text(2, 'n'), text(3, one)])]),
  audio.map((one) => [2, one]),
  texts.map((one) => [3, Buffer.concat([text(3, one), text(4, 'u'), text(5, '2026-01-01')])]),
  jsonLike(...MESSAGES).map((one) => [4, text(1, one)]),
  fc.constant([5, Buffer.alloc(0)]),
  fc.tuple(fc.integer({ min: 6, max: 536_870_911 }), fc.constant(Buffer.from('x'))),
);
const frame = fc
  .tuple(
    variant,
    fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.constantFrom(2, 200_000, 200_000)),
    fc.array(variant, { maxLength: 2 }),
  )
  .map(([[number, content], times, others]) => {
    const one = field(number, content);
    const most = Math.max(1, Math.floor(1_000_000 / one.length));
    return Buffer.concat([
      ...others.map(([other, bytes]) => field(other, bytes)),
      ...Array.from({ length: Math.min(times, most) }, () => one),
    ]);
  });

/** Frames of Pipecat's protobuf protocol, to bots that read and bots that do not. */
export default {
  name: 'protobuf',
  parsers: [
    'media/serializers/protobuf.serializer.js',
    'media/serializers/media-serializer.js',
    'media/socket-media-connection.js',
    'media/media-input.js',
    'media/pcm.js',
  ],

  async open(world) {
    return {
      input: fc.record({
        bot: fc.constantFrom('attentive', 'attentive', 'inattentive', 'rtvi'),
        frames: fc.array(bytesLike(frame), { minLength: 1, maxLength: 5 }),
        isText: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
        times: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, fc.constantFrom(10, 2_000)),
      }),
      async send({ bot, frames, isText, times }) {
        const raw = new RawSocket(world);
        await raw.upgrade(`/ws-client${botQuery(bot)}`);
        const bytes = frames.reduce((sum, { length }) => sum + length, 0);
        const most = Math.min(times, Math.max(1, Math.floor(2_000_000 / (bytes + 50))));
        const sent = Array.from({ length: most }, () => frames).flat();
        const watched = bytes * most > 500_000 ? await world.watchMemory() : undefined;
        await sendMessages(raw, isText ? sent.map((one) => one.toString('latin1')) : sent);
        await readAll(raw);
        await watched?.(bytes * most);
        await raw.write(frameBytes({ opcode: 8 }));
        raw.destroy();
      },
      async close() {},
    };
  },
};
