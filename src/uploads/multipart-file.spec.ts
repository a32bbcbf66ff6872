import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import type { RunnerRequest } from '../http/runner-request.js';
import { saveFormFile } from './multipart-file.js';

const FILE = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n';
/** Size of the chunks in which Node reads a connection, in bytes. */
const CHUNK = 65_536;

function requestOf(form: string): RunnerRequest {
  return {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    raw: Readable.from([Buffer.from(form)]),
    taken: { leftBytes: Infinity },
    rawBody: Buffer.alloc(0),
  } as unknown as RunnerRequest;
}

/** Sends a form in one chunk. Returns the time that it takes, in milliseconds. */
async function holds(form: string): Promise<{ readonly code: unknown; readonly ms: number }> {
  const request = requestOf(form.slice(0, CHUNK));
  const { signal } = new AbortController();
  const startedAt = performance.now();
  const code = await saveFormFile(request, { maxBytes: 1_000_000, signal }, ({ content }) =>
    buffer(content),
  ).then(
    () => 'OK',
    (error: { code: unknown }) => error.code,
  );
  return { code, ms: performance.now() - startedAt };
}

describe('a form of thousands of parts in one chunk', () => {
  it.each([
    ['without headers', '--b\r\n'],
    ['with empty headers', '--b\r\n\r\n\r\n'],
    ['with a field each', '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n'],
  ])('is refused without holding the event loop: %s', async (_, part) => {
    for (const before of ['', FILE]) {
      const times: number[] = [];
      // The fastest counts, for a busy machine slows down some.
      for (let i = 0; i < 5; i++) {
        const { code, ms } = await holds(before + part.repeat(CHUNK));
        expect(code).toBe('TOO_LARGE');
        times.push(ms);
      }
      expect(Math.min(...times)).toBeLessThan(50);
    }
  });
});

describe('what a form has beside its file', () => {
  const save = (request: RunnerRequest): Promise<unknown> => {
    const { signal } = new AbortController();
    return saveFormFile(request, { maxBytes: 1_000, signal }, ({ content }) => buffer(content));
  };
  const formWith = (bytes: number): string =>
    `${FILE}--b\r\nContent-Disposition: form-data; name="more"\r\n\r\n${'x'.repeat(bytes)}\r\n--b--\r\n`;

  it('may have 64 KiB and no more', async () => {
    await expect(save(requestOf(formWith(65_000)))).resolves.toEqual(Buffer.from('x'));
    await expect(save(requestOf(formWith(67_000)))).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });

  it('is refused unread where its announced length has no room for it', async () => {
    const announced = (announcedBytes: number): RunnerRequest =>
      Object.assign(requestOf(formWith(1)), { taken: { leftBytes: Infinity, announcedBytes } });
    await expect(save(announced(66_536))).resolves.toEqual(Buffer.from('x'));
    const request = announced(66_537);
    await expect(save(request)).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(request.raw.readableDidRead).toBe(false);
  });
});

describe('the name of a file', () => {
  it.each([
    ['a.txt', 'a.txt'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\\\dir\\\\a.txt', 'a.txt'],
    ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
    ['a\tb\u0007.txt', 'ab.txt'],
    ['..', 'file'],
    [`${'é'.repeat(300)}`, 'é'.repeat(255)],
  ])('%j is taken as %j', async (given, name) => {
    const form = `--b\r\nContent-Disposition: form-data; name="file"; filename="${given}"\r\n\r\nx\r\n--b--\r\n`;
    const request = requestOf(form);
    const { signal } = new AbortController();
    const saved = await saveFormFile(request, { maxBytes: 1_000, signal }, async (file) => {
      await buffer(file.content);
      return file.name;
    });
    expect(saved).toBe(name);
  });
});
