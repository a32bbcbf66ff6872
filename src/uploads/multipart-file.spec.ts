import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import type { RunnerRequest } from '../http/runner-request.js';
import { saveFormFile } from './multipart-file.js';

const FILE = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n';
/** Size of the chunks in which Node reads a connection, in bytes. */
const CHUNK = 65_536;

/** Sends a form in one chunk. Returns the time that it takes, in milliseconds. */
async function holds(form: string): Promise<{ readonly code: unknown; readonly ms: number }> {
  const raw = Readable.from([Buffer.from(form.slice(0, CHUNK))]);
  const request = {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    raw,
    taken: { leftBytes: Infinity },
    rawBody: Buffer.alloc(0),
  } as unknown as RunnerRequest;
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
