import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { CarrierName } from '../../src/testing/index.js';
import { ProtobufSerializer } from '../../src/media/serializers/protobuf.serializer.js';
import type { Random } from './random.js';

const wire = new ProtobufSerializer(16_000);
const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

/** A protobuf message frame with any text where JSON is due. */
const messageOf = (text: string): Buffer => {
  const inner = new BinaryWriter().tag(1, WireType.LengthDelimited).string(text).finish();
  return Buffer.from(new BinaryWriter().tag(4, WireType.LengthDelimited).bytes(inner).finish());
};

/** Messages of a carrier that are none; the call goes on after them. */
const OF_CARRIERS: readonly ((random: Random) => string | Buffer)[] = [
  () => '',
  () => 'null',
  () => '[]',
  () => '{"event":"media","media":{"payload":"',
  () => '{"event":"MEDIA","media":{"payload":"AAAA"}}',
  () => '{"event":"Stop"}',
  () => '{"event":"media","media":null}',
  () => '{"event":"media","media":{"payload":17}}',
  () => '{"event":"media","media":{"payload":"AAA"}}',
  () => '{"event":"media","media":{"payload":"A"}}',
  () => '{"event":"media","media":{"payload":"!!!!","timestamp":"1e999"}}',
  () => '{"event":"media","media":{"payload":"AAAA","timestamp":{}}}',
  () => '{"event":"dtmf","dtmf":{"digit":"12"}}',
  () => '{"event":"mark","mark":{"name":{}}}',
  () => '{"event":{"toString":1}}',
  () => '{"event":"__proto__","__proto__":{"event":"media"},"constructor":{"prototype":{"x":1}}}',
  () => '{"event":"start","start":{}}',
  () => `{"event":"media","media":${deep(20_000)}}`,
  (random) => random.bytes(random.below(400)),
  (random) => random.bytes(random.below(400)).toString('latin1'),
];

/** Messages of a client that are none. */
const OF_CLIENTS: readonly ((random: Random) => string | Buffer)[] = [
  () => 'text where binary is due',
  () => Buffer.alloc(0),
  (random) => random.bytes(random.below(400)),
  (random) => {
    const frame = wire.audio(new Int16Array(320));
    for (let i = random.below(4); i >= 0; i--)
      frame[random.below(frame.length)] = random.below(256);
    return frame;
  },
  // A byte short of a sample.
  () => Buffer.from([0x12, 0x0a, 0x1a, 0x03, 1, 2, 3, 0x20, 0x80, 0x7d, 0x28, 0x01]),
  // More channels than anybody has, and more samples a second.
  () => Buffer.from([0x12, 0x0b, 0x1a, 0x02, 1, 2, 0x20, 0xff, 0xff, 0xff, 0x7f, 0x28, 0x7f]),
  () => wire.message({ type: 17, id: {}, label: null }),
  () => messageOf(deep(20_000)),
  () =>
    wire.message({ ['__proto__']: { label: 'rtvi-ai' }, label: 'rtvi-ai', type: 'client-ready' }),
];

/** A message that its receiver cannot use, and must survive. */
export const malformedMessage = (carrier: CarrierName | undefined, random: Random) =>
  random.pick(carrier ? OF_CARRIERS : OF_CLIENTS)(random);

/** Violations of the WebSocket protocol, which end the connection. */
const BREACHES: Record<string, (socket: WebSocket) => void> = {
  'a message of 10 MB': (socket) => socket.send(Buffer.alloc(10_000_000)),
  'a frame without a mask': (socket) => tcpOf(socket).write(Buffer.from([0x81, 1, 0x61])),
  'an unknown opcode': (socket) => tcpOf(socket).write(Buffer.from([0x83, 0x80, 0, 0, 0, 0])),
  'reserved bits': (socket) => tcpOf(socket).write(Buffer.from([0xf1, 0x80, 0, 0, 0, 0])),
  'text that is no UTF-8': (socket) =>
    tcpOf(socket).write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28])),
  'a fragment of nothing': (socket) => tcpOf(socket).write(Buffer.from([0x80, 0x80, 0, 0, 0, 0])),
  'a close code that nobody may send': (socket) =>
    tcpOf(socket).write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed])),
};

/** Breaks WebSocket's own rules. */
export const breach = (socket: WebSocket, random: Random): void =>
  BREACHES[random.pick(Object.keys(BREACHES))]!(socket);

/** The connection under a WebSocket. */
export const tcpOf = (socket: WebSocket): Socket =>
  (socket as unknown as { _socket: Socket })._socket;
