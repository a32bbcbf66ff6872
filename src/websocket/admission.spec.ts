import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { decodeBodyParam, extractToken, sessionIdParam } from './admission.js';

const request = (url: string, authorization?: string) =>
  ({ url, headers: { authorization } }) as unknown as IncomingMessage;

describe('extractToken', () => {
  it.each([
    ['/ws?token=query', 'Bearer header', 'path', 'header'],
    ['/ws?token=query', 'bearer  header ', 'path', 'header'],
    ['/ws?token=query', undefined, 'path', 'query'],
    ['/ws?token=query', 'Basic abc', 'path', 'query'],
    ['/ws?token=query', 'NotBearer abc', 'path', 'query'],
    ['/ws?token=query', 'Bearer two words', 'path', 'query'],
    ['/ws', undefined, 'path', 'path'],
    ['/ws?token=', '', 'path', 'path'],
    ['/ws', undefined, undefined, undefined],
  ])('of %j with %j and path %j is %j', (url, authorization, path, token) => {
    expect(extractToken(request(url, authorization), path)).toBe(token);
  });
});

describe('decodeBodyParam', () => {
  const json = '{"greeting":"hi??>>","n":[1]}';
  it.each(['base64', 'base64url'] as const)('takes %s, escaped or not', (alphabet) => {
    const encoded = Buffer.from(json).toString(alphabet);
    for (const text of [encoded, encodeURIComponent(encoded)]) {
      expect(decodeBodyParam(request(`/ws?body=${text}`))).toEqual(JSON.parse(json));
    }
  });

  it('is undefined without one', () => {
    expect(decodeBodyParam(request('/ws'))).toBeUndefined();
    expect(decodeBodyParam(request('/ws?body='))).toBeUndefined();
  });

  it('takes exactly 4 KB', () => {
    const text = (bytes: number) => Buffer.from(`"${'x'.repeat(bytes - 2)}"`).toString('base64url');
    expect(decodeBodyParam(request(`/ws?body=${text(4_096)}`))).toHaveLength(4_094);
    expect(() => decodeBodyParam(request(`/ws?body=${text(4_097)}`))).toThrow(/4096 bytes/);
  });

  it('refuses JSON that nests too deep', () => {
    const deep = Buffer.from('['.repeat(1_000) + ']'.repeat(1_000)).toString('base64url');
    expect(() => decodeBodyParam(request(`/ws?body=${deep}`))).toThrow(/nested deeper than 200/);
  });

  it.each(['%21', 'e30=e30', 'bm90IGpzb24', '%FF', 'a b=c='])('refuses %j', (text) => {
    expect(() => decodeBodyParam(request(`/ws?body=${text}`))).toThrow(/body is not/);
  });
});

describe('sessionIdParam', () => {
  it('reads the query', () => {
    expect(sessionIdParam(request('/ws?a=1&session_id=x'))).toBe('x');
    expect(sessionIdParam(request('/ws?session_id='))).toBeUndefined();
  });
});
