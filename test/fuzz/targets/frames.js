import fc from 'fast-check';
import { bytesLike } from '../support/mutate.js';
import { botQuery, frameBytes, RawSocket, readAll } from '../support/socket.js';

const payload = fc.oneof(
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 130 }) },
  fc.constantFrom(
    Buffer.alloc(0),
    Buffer.from('{"event":"connected"}'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from([0x03, 0xe8]),
    Buffer.from([0x03]),
    Buffer.from([0x00, 0x00]),
    Buffer.from([0x0b, 0xb8, 0xff]),
    Buffer.alloc(126),
    Buffer.alloc(65_536),
    Buffer.alloc(1_048_576),
    Buffer.alloc(1_048_577),
  ),
);

/** Mostly valid; each field may be wrong. */
const frame = fc.record({
  opcode: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(0, 1, 2, 9, 10) },
    { weight: 1, arbitrary: fc.nat(15) },
  ),
  fin: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  rsv: fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, fc.nat(7)),
  masked: fc.oneof({ weight: 12, arbitrary: fc.constant(true) }, fc.constant(false)),
  length: fc.oneof(
    { weight: 12, arbitrary: fc.constant(undefined) },
    fc.constantFrom(0, 126, 65_536, 1_048_577, 2 ** 31, 2 ** 52),
  ),
  payload,
  /** Number of times that it is sent. */
  times: fc.oneof(
    { weight: 8, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.constantFrom(100, 5_000, 200_000) },
  ),
});

/** A great many of the same valid frame; the last payloads are an interruption and a message in protobuf. */
const flood = fc.record({
  opcode: fc.constantFrom(1, 2, 2, 9),
  payload: fc.constantFrom(
    Buffer.alloc(0),
    Buffer.alloc(0),
    Buffer.from('{"event":"x"}'),
    Buffer.from([0x2a, 0]),
    Buffer.from([0x22, 3, 0x0a, 1, 0x30]),
  ),
  times: fc.constant(700_000),
});

const PATHS = ['/ws-client', '/ws', '/ws-client/', '/nowhere', '/ws/x', '/sessions/x/ws'];
const upgrade = fc.record({
  path: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('/ws-client', '/ws') },
    fc.constantFrom(...PATHS),
  ),
  bot: fc.constantFrom('deaf', 'deaf', 'attentive', 'attentive', 'inattentive', 'rtvi'),
  query: fc.oneof(
    { weight: 6, arbitrary: fc.constant('') },
    fc.constantFrom(
      '&session_id=x',
      '&token=x',
      '&body=%',
      '&body=e30',
      '&body=W1tb',
      '&token=%00',
    ),
  ),
  headers: fc.oneof(
    { weight: 6, arbitrary: fc.constant([]) },
    fc.array(
      fc.constantFrom(
        ['origin', 'null'],
        ['origin', 'x'],
        ['sec-websocket-version', '99'],
        ['sec-websocket-key', 'x'],
        ['sec-websocket-protocol', 'a,,b'],
        ['sec-websocket-extensions', 'permessage-deflate; client_max_window_bits=99'],
        ['authorization', 'Bearer x'],
        ['upgrade', 'h2c'],
        ['connection', 'close'],
        ['content-length', '5'],
        ['x-genesys', '\x00'],
      ),
      { minLength: 1, maxLength: 3 },
    ),
  ),
});

const anything = fc.record({
  upgrade,
  frames: fc.array(frame, { maxLength: 6 }),
  noise: fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    bytesLike(fc.constant(frameBytes({ payload: Buffer.from('{}') })), 10_000),
  ),
  /** Written with the upgrade, before there is an answer. */
  isEarly: fc.boolean(),
});
const floods = fc.record({
  upgrade: fc.record({
    path: fc.constant('/ws-client'),
    bot: fc.constantFrom('deaf', 'deaf', 'attentive', 'rtvi'),
    query: fc.constant(''),
    headers: fc.constant([]),
  }),
  frames: fc.tuple(flood),
  noise: fc.constant(undefined),
  isEarly: fc.boolean(),
});

/** The largest that is sent in one input, in bytes. */
const MAX_BYTES = 4_194_304;

/** Raw frames to each WebSocket: in pieces, out of order, empty, huge, unmasked, also to sockets that are not let in. */
export default {
  name: 'frames',
  concurrency: 4,
  parsers: [
    'websocket/runner-web-socket.js',
    'websocket/upgrade-router.js',
    'websocket/socket-sessions.js',
    'websocket/admission.js',
    'websocket/upgrade-request.js',
  ],

  async open(world) {
    return {
      input: fc.oneof({ weight: 6, arbitrary: anything }, floods),
      async send({ upgrade: { path, bot, query, headers }, frames, noise, isEarly }) {
        const bytes = frames.flatMap(({ times, ...one }) => {
          const single = frameBytes(one);
          const most = Math.max(1, Math.floor(MAX_BYTES / frames.length / single.length));
          return Array.from({ length: Math.min(times, most) }, () => single);
        });
        const all = Buffer.concat([...bytes, noise ?? Buffer.alloc(0)]);
        const raw = new RawSocket(world);
        const watched = all.length > 500_000 ? await world.watchMemory() : undefined;
        const upgraded = raw.upgrade(`${path}${botQuery(bot)}${query}`, headers);
        if (isEarly) await raw.write(all);
        await upgraded;
        if (!isEarly) await raw.write(all);
        await readAll(raw, 200);
        await watched?.(all.length);
        raw.destroy();
      },
      async close() {},
    };
  },
};
