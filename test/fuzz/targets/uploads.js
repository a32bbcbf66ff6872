import fc from 'fast-check';
import { request, requestBytes } from '../support/exchange.js';
import { bytesLike, hostileText } from '../support/mutate.js';
import { keepSession } from '../support/socket.js';

const latin1 = (text) =>
  Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[\r\n\0]/g, '');
const name = fc.oneof({ weight: 3, arbitrary: fc.constant('file') }, hostileText.map(latin1));
const disposition = fc.oneof(
  { weight: 3, arbitrary: fc.constant('form-data; name="file"; filename="a.txt"') },
  {
    weight: 4,
    arbitrary: fc
      .tuple(name, hostileText.map(latin1))
      .map(([field, file]) => `form-data; name="${field}"; filename="${file}"`),
  },
  fc.constantFrom(
    'form-data; name="file"',
    "form-data; name=file; filename*=UTF-8''%e2%98%8e.txt",
    'form-data; name="file"; filename*=x\'\'%ff%',
    'form-data',
    'attachment; filename="x"',
    'form-data; name="file"; filename="C:\\\\a\\\\b.txt"',
    '',
  ),
);
const part = fc.record({
  disposition,
  headers: fc.array(
    fc.constantFrom(
      'Content-Type: text/plain',
      'Content-Type: x',
      'Content-Transfer-Encoding: base64',
      'X',
      ': x',
      'A: b\r\n c',
    ),
    { maxLength: 3 },
  ),
  content: fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(
      Buffer.from('\r\n--b'),
      Buffer.from('\r\n--b--'),
      Buffer.from('-'.repeat(5_000)),
    ),
    fc.nat(1_000_000).map((size) => Buffer.alloc(size, '\r\n-')),
  ),
});
const form = fc
  .record({
    parts: fc.oneof(
      { weight: 4, arbitrary: fc.tuple(part) },
      { weight: 3, arbitrary: fc.array(part, { maxLength: 4 }) },
      fc.tuple(part, fc.nat(2_000)).map(([one, count]) => Array.from({ length: count }, () => one)),
    ),
    end: fc.constantFrom(...Array(8).fill('--b--\r\n'), '', '--b', '--b--', '--b\r\n'),
  })
  .map(({ parts, end }) => {
    const bytes = parts.flatMap(({ disposition: told, headers, content }) => [
      Buffer.from(
        `--b\r\nContent-Disposition: ${told}\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`,
        'latin1',
      ),
      content,
      Buffer.from('\r\n'),
    ]);
    return Buffer.concat([...bytes.slice(0, 6_000), Buffer.from(end)]);
  });

/** As many small parts as fit into a chunk, and more. */
const manyParts = fc
  .tuple(
    fc.constantFrom('', 'A: b\r\n', 'Content-Disposition: form-data; name="a"\r\n'),
    fc.nat(100_000),
  )
  .map(([header, count]) => Buffer.from(`${`--b\r\n${header}\r\n\r\n`.repeat(count)}--b--\r\n`));

const TYPES = [
  'multipart/form-data; boundary=b',
  'multipart/form-data; boundary="b"',
  'multipart/form-data',
  'multipart/form-data; boundary=',
  `multipart/form-data; boundary=${'b'.repeat(200)}`,
  'multipart/mixed; boundary=b',
  'MULTIPART/FORM-DATA; BOUNDARY=b',
  'text/plain',
];

/** Uploads: multipart forms, whole and broken. */
export default {
  name: 'uploads',
  parsers: [
    'uploads/multipart-file.js',
    'uploads/uploads.js',
    'uploads/folder-file-storage.js',
    'http/body-stream.js',
  ],

  async open(world) {
    const session = await keepSession(world);
    return {
      idleSessions: 2,
      input: fc.record({
        path: fc.constantFrom(
          '/files',
          '/sessions/$id/files',
          '/sessions/$id/files',
          '/sessions/x/files',
        ),
        type: fc.oneof({ weight: 3, arbitrary: fc.constant(TYPES[0]) }, fc.constantFrom(...TYPES)),
        body: fc.oneof({ weight: 4, arbitrary: bytesLike(form, 4_500_000) }, manyParts),
        /** Lengths that the request claims, beside the truth. */
        said: fc.constantFrom(0, 0, 0, 0, 10, -10),
        pieces: fc.constantFrom(1, 1, 5),
      }),
      async send({ path, type, body, said, pieces }) {
        const headers = [
          ['host', 'localhost'],
          ['content-type', type],
          ['content-length', String(Math.max(0, body.length + said))],
        ];
        const bytes = requestBytes({
          method: 'POST',
          path: path.replace('$id', session.id),
          headers,
          body,
        });
        const size = Math.ceil(bytes.length / pieces);
        const cut = Array.from({ length: pieces }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        await request(world, pieces === 1 ? bytes : cut);
      },
      async close() {
        session.close();
      },
    };
  },
};
