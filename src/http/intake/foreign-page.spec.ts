import { describe, expect, it } from '@jest/globals';
import type { HttpRequest } from '../http-request.js';
import { isOfForeignPage } from './foreign-page.js';

const FORM = { 'content-type': 'text/plain' };

const isForeign = (
  headers: Record<string, string>,
  options: { allowedOrigins?: string[]; publicUrl?: string } = {},
): boolean => {
  const request = { headers: { host: 'bot.example.com:8080', ...headers }, host: undefined };
  return isOfForeignPage(request as unknown as HttpRequest, {
    allowedOrigins: [],
    publicUrl: undefined,
    ...options,
  });
};

describe('a simple request of a page', () => {
  it.each([
    ['https://bot.example.com:8080', false],
    ['http://BOT.example.com:8080', false],
    ['https://bot.example.com', true],
    ['https://bot.example.com:9090', true],
    ['https://example.com:8080', true],
    ['https://bot.example.com.evil.com:8080', true],
    ['null', true],
  ])('of %s is foreign: %s', (origin, foreign) => {
    expect(isForeign({ ...FORM, origin })).toBe(foreign);
  });

  it.each([
    ['cross-site', true],
    ['same-site', false],
    ['same-origin', false],
    ['none', false],
  ])('without origin and with sec-fetch-site: %s is foreign: %s', (site, foreign) => {
    expect(isForeign({ ...FORM, 'sec-fetch-site': site })).toBe(foreign);
  });

  it('is known by allowedOrigins, the public URL and the host that a proxy names', () => {
    const origin = 'https://app.example.com';
    const headers = { ...FORM, origin };
    expect(isForeign(headers)).toBe(true);
    expect(isForeign(headers, { allowedOrigins: [origin] })).toBe(false);
    expect(isForeign(headers, { allowedOrigins: ['https://b.example.com'] })).toBe(true);
    expect(isForeign(headers, { publicUrl: 'https://app.example.com/voice' })).toBe(false);
    expect(isForeign({ ...headers, 'x-forwarded-host': 'app.example.com:443, x' })).toBe(false);
  });

  it.each([
    [{ 'content-type': 'application/json; charset=utf-8' }, false],
    [{ 'content-type': 'application/ld+json' }, false],
    [{ authorization: 'Bearer x' }, false],
    [{ 'content-type': 'application/jsonp' }, true],
    [{}, true],
  ])(
    'with %j counts as foreign: %s, since a browser would have asked first',
    (headers, foreign) => {
      expect(isForeign({ origin: 'https://evil.example', ...headers })).toBe(foreign);
    },
  );
});
