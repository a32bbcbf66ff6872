import { createHmac, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Hops } from './hops.js';

const MINUTE_MS = 60_000;
const [key, before] = [randomBytes(32), randomBytes(32)];
const hops = new Hops([key]);
afterEach(() => {
  jest.restoreAllMocks();
});

const at = (ms: number) => jest.spyOn(Date, 'now').mockReturnValue(ms);

describe('a signature between nodes', () => {
  it('is bound to its words, as they were', () => {
    const signature = hops.sign('hop', 'POST', '/start');
    expect(hops.isSigned(signature, 'hop', 'POST', '/start')).toBe(true);
    for (const words of [['hop', 'POST', '/stop'], ['hop', 'POST/', 'start'], ['hop'], []]) {
      expect(hops.isSigned(signature, ...words)).toBe(false);
    }
  });

  it('is another one each time', () => {
    expect(hops.sign('a')).not.toBe(hops.sign('a'));
  });

  it('holds for five minutes, on clocks that are as far apart', () => {
    const now = Date.now();
    const signature = hops.sign('a');
    for (const [ms, isValid] of [
      [-6 * MINUTE_MS, false],
      [-4 * MINUTE_MS, true],
      [4 * MINUTE_MS, true],
      [6 * MINUTE_MS, false],
    ] as const) {
      at(now + ms);
      expect(hops.isSigned(signature, 'a')).toBe(isValid);
    }
  });

  it('keeps its end', () => {
    const signature = hops.sign('a');
    const later = signature.replace(/^\d+/, (end) => String(Number(end) + MINUTE_MS));
    expect(hops.isSigned(later, 'a')).toBe(false);
  });

  it('is of any key, and made with the first', () => {
    const rotated = new Hops([key, before]);
    const former = new Hops([before]);
    expect(rotated.isSigned(former.sign('a'), 'a')).toBe(true);
    expect(hops.isSigned(rotated.sign('a'), 'a')).toBe(true);
    expect(former.isSigned(rotated.sign('a'), 'a')).toBe(false);
  });

  it('is read only where it is as short as one is', () => {
    const signed = (nonce: string): string => {
      const stamp = `${Date.now() + MINUTE_MS}.${nonce}`;
      const mac = createHmac('sha256', key).update(JSON.stringify([stamp, 'a']));
      return `${stamp}.${mac.digest('base64url')}`;
    };
    expect(hops.isSigned(signed('n'.repeat(190)), 'a')).toBe(true);
    expect(hops.isSigned(signed('n'.repeat(250)), 'a')).toBe(false);
  });

  it.each([undefined, '', '.', 'a.b.c', '9'.repeat(300)])('is not %j', (text) => {
    expect(hops.isSigned(text, 'a')).toBe(false);
  });
});
