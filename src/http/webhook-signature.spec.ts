import { describe, expect, it } from '@jest/globals';
import {
  decodeSignature,
  isSignature,
  refuseReplay,
  signatureHeaders,
} from './webhook-signature.js';

const REFUSED = expect.objectContaining({ code: 'UNAUTHORIZED' });

describe('the signature of a webhook', () => {
  it('needs all of its headers, each with something in it', () => {
    const headers = { 'x-one': '1', 'x-two': '2', 'x-empty': '' };
    expect(signatureHeaders(headers, 'x-one', 'x-two')).toEqual(['1', '2']);
    for (const missing of ['x-three', 'x-empty']) {
      expect(() => signatureHeaders(headers, 'x-one', missing)).toThrow(REFUSED);
    }
  });

  it.each([
    [-299_000, true],
    [-301_000, false],
    [299_000, true],
    [301_000, false],
    [NaN, false],
  ])('counts with a timestamp %d ms from now: %s', (fromNowMs, counts) => {
    const check = (): void => refuseReplay('x-time', Date.now() + fromNowMs);
    if (counts) expect(check).not.toThrow();
    else expect(check).toThrow(REFUSED);
  });

  it('of another length is another one', () => {
    const expected = Buffer.alloc(20, 1);
    expect(isSignature(Buffer.alloc(20, 1), expected)).toBe(true);
    expect(isSignature(Buffer.alloc(20, 2), expected)).toBe(false);
    expect(isSignature(Buffer.alloc(19, 1), expected)).toBe(false);
  });

  it('is decoded only where it has its length', () => {
    const text = Buffer.alloc(20, 1).toString('base64');
    expect(decodeSignature(text, 20)).toEqual(Buffer.alloc(20, 1));
    expect(decodeSignature(text, 21)).toBeUndefined();
    expect(decodeSignature(`${text}A`, 20)).toBeUndefined();
  });
});
