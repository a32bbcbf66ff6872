import fc from 'fast-check';
import { hex } from '../datagrams/bytes.js';
import { brokenLine, line, long } from './messages.js';

/** Head of an HTTP response, good or not, its body, and how it is sent. */
const response = fc.record({
  status: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('200 OK', '201 Created', '204 No', '304 No') },
    fc.constantFrom('100 Go', '101 Switch', '199 X', '600 X', '999 X', '0 X', '-1 X', 'x'),
  ),
  version: fc.oneof(
    { weight: 6, arbitrary: fc.constant('HTTP/1.1') },
    fc.constantFrom('HTTP/1.0', 'HTTP/9', ''),
  ),
  headers: fc.oneof(
    fc.constantFrom([], ['Content-Length: 5']),
    fc.array(
      fc.oneof(
        fc.constantFrom(
          'Content-Length: 5',
          'Content-Length: 6',
          'Content-Length: -1',
          'Content-Length: 99999999999999999999',
          'Transfer-Encoding: chunked',
          'Transfer-Encoding: gzip, chunked',
          'Connection: keep-alive, x',
          'Upgrade: websocket',
          'Content-Encoding: gzip',
          'Set-Cookie: a=1',
          'x-session-id: forged',
          'Trailer: x',
          'Location: //elsewhere',
          `x: ${long(20_000)}`,
          ' folded',
          'x',
          ': x',
          'x\u0001y: z',
          'x: caf\u00e9 \u0000',
        ),
        fc
          .tuple(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }))
          .map((pair) => pair.join(': ')),
      ),
      { maxLength: 6 },
    ),
  ),
  manyHeaders: fc.constantFrom(0, 0, 0, 10_000),
  body: fc.oneof(
    fc.constantFrom(
      '',
      'hello',
      '5\r\nhello\r\n0\r\n\r\n',
      '5\r\nhel',
      'fffffffff\r\nx',
      'x\r\n',
      '0\r\nx: y\r\n\r\n',
    ),
    fc.constant(long(200_000)),
  ),
  pieces: fc.constantFrom(1, 1, 3, 40),
  then: fc.constantFrom('end', 'keep', 'destroy', 'again'),
});

/** Messages to the runner over the WebSocket of a process: the answer to its upgrade, and frames. */
const upgrade = fc.constantFrom('good', 'wrong key', 'HTTP/1.1 200 OK\r\n\r\n', 'x', '');
const frame = fc.oneof(
  fc.record({
    head: fc.constantFrom(0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8a, 0x83, 0xf1, 0xc1),
    mask: fc.boolean(),
    length: fc.oneof(fc.constant('right'), fc.constantFrom(0, 1, 125, 126, 127, 65_535, 2 ** 31)),
    bytes: hex(200),
  }),
  fc.record({ head: fc.constant(0x82), large: fc.constantFrom(65_536, 1_100_000) }),
);

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('say'),
      lines: fc.array(line, { minLength: 1, maxLength: 6 }),
      pieces: fc.constantFrom(1, 1, 1, 4, 50),
      end: fc.constantFrom('\n', '\n', '\n', '\r\n', ''),
      times: fc.constantFrom(1, 1, 1, 2, 300),
    }),
  },
  // Whatever costs the carrier something, again and again.
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('say'),
      lines: fc
        .constantFrom('hang_up', 'transfer')
        .map((type) => [{ text: JSON.stringify({ type, target: '+15550100' }), isBroken: false }]),
      pieces: fc.constant(1),
      end: fc.constant('\n'),
      times: fc.constantFrom(2, 30),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('serve'), response }) },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('frames'),
      frames: fc.array(frame, { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('print'),
      on: fc.constantFrom('stdout', 'stderr'),
      text: fc.oneof(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.constantFrom(
          '2026-01-01 00:00:00.000 | CRITICAL | a:b:1 - x\n',
          '\u001b]0;x\u0007\u001b[2J\rforged\n',
          `${long(300_000)}\n`,
          '\u2028\u202e\u0085\n',
          'x\n',
          'x\n',
        ),
      ),
      times: fc.constantFrom(1, 10, 4_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('raw'), value: hex(80) }) },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('wait'), ms: fc.integer({ min: 0, max: 60 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom({ does: 'cutSocket' }, { does: 'cutControl' }, { does: 'kill' }),
  },
);

/** Breaks the protocol at once, by one line: what follows from it can be told. */
const broken = fc.record({
  does: fc.constant('say'),
  lines: fc.tuple(brokenLine),
  pieces: fc.constant(1),
  end: fc.constant('\n'),
  times: fc.constant(1),
});

const request = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'HEAD'),
  path: fc.constantFrom('x', 'x?y=%00', '..%2f', `a/${'b/'.repeat(50)}`),
  body: fc.constantFrom('', 'hello', long(100_000)),
});

/** Steps of a bot process, and of its client meanwhile. */
export const script = fc.record({
  transport: fc.constantFrom('websocket', 'twilio', 'twilio'),
  /** Before its start. */
  early: fc.oneof(
    { weight: 8, arbitrary: fc.constant(['{"type":"loaded"}']) },
    fc.array(line, { maxLength: 3 }).map((lines) => lines.map(({ text }) => text)),
  ),
  upgrade: fc.oneof({ weight: 6, arbitrary: fc.constant('good') }, upgrade),
  steps: fc.oneof(
    { weight: 2, arbitrary: fc.array(step, { minLength: 1, maxLength: 6 }) },
    { weight: 1, arbitrary: fc.tuple(broken, step) },
  ),
  then: fc.constantFrom('exit', 'done', 'stay', 'stay', 'deaf'),
  /** Messages of the client. */
  messages: fc.constantFrom(0, 1, 20),
  requests: fc.array(request, { maxLength: 3 }),
});

/** True when the process has to be ended for what it says first, so that its session fails. */
export function mustFail({ early, upgrade: upgraded, steps: [first] }) {
  if (early.join() !== '{"type":"loaded"}' || upgraded !== 'good') return false;
  return first.does === 'say' && first.end === '\n' && first.lines[0].isBroken;
}
