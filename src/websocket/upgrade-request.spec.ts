import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { upgradeOf } from './upgrade-request.js';

const TOKEN = `eyJleHAiOjF9.${'0a'.repeat(32)}`;

function upgrade(url: string, headers: Record<string, string> = {}) {
  const request = Object.assign(new IncomingMessage(new Socket()), { url });
  Object.assign(request.headers, headers);
  return upgradeOf(request, url.split(/[?#]/)[0]!);
}

describe('the upgrade request of a bot', () => {
  it.each([
    ['/ws', '/ws', ''],
    ['/ws/', '/ws/', ''],
    [`/ws/${TOKEN}`, '/ws', ''],
    [`/ws/${TOKEN}/?a=1`, '/ws', 'a=1'],
    [`/base/ws/${TOKEN.replace('.', '%2e')}`, '/base/ws', ''],
    ['/ws/room?a=1&a=2', '/ws/room', 'a=1&a=2'],
    ['/ws/%zz', '/ws/%zz', ''],
    [`/ws?token=${TOKEN}`, '/ws', ''],
    [`/ws?a=1&token=${TOKEN}&b`, '/ws', 'a=1&b'],
    [`/ws?%74oken=${TOKEN}#x`, '/ws', ''],
    ['/ws?token=of-the-carrier', '/ws', 'token=of-the-carrier'],
  ])('keeps everything of %s but tokens of the runner', (url, path, query) => {
    expect(upgrade(url)).toMatchObject({ path, query });
  });

  it('keeps the authorization of a carrier, and no token', () => {
    expect(upgrade('/ws', { authorization: 'Basic YTpi' }).headers).toEqual({
      authorization: 'Basic YTpi',
    });
    expect(upgrade('/ws', { authorization: `BEARER  ${TOKEN} `, host: 'h' }).headers).toEqual({
      host: 'h',
    });
  });

  it.each([
    'Bearer pk_0123456789abcdef',
    'bearer   eyJhbGciOiJIUzI1NiJ9.e30.AAAA',
    'Bearer',
    TOKEN,
  ])('has no key of a client: %s', (authorization) => {
    expect(upgrade('/ws', { authorization, host: 'h' }).headers).toEqual({ host: 'h' });
  });

  it.each([
    ['Bearer of-the-carrier', true],
    ['Bearer key', false],
    ['Basic key', false],
    [`Bearer x ${TOKEN}`, false],
  ])('passes %s on: %s, where the runner says which are its keys', (authorization, isPassed) => {
    const request = Object.assign(new IncomingMessage(new Socket()), { url: '/ws' });
    request.headers.authorization = authorization;
    const { headers } = upgradeOf(request, '/ws', (given) => given.endsWith(' key'));
    expect(headers).toEqual(isPassed ? { authorization } : {});
  });

  it.each(['Basic a2V5OnRva2Vu', 'Digest username="a"', 'BearerOfACarrier x'])(
    'keeps the credentials of a carrier: %s',
    (authorization) => {
      expect(upgrade('/ws', { authorization }).headers).toEqual({ authorization });
    },
  );

  it.each([
    ['a plain connection', new Socket(), false],
    ['TLS', new TLSSocket(new Socket()), true],
  ])('says whether it came over %s', (_, socket, isSecure) => {
    const request = Object.assign(new IncomingMessage(socket), { url: '/ws' });
    expect(upgradeOf(request, '/ws').isSecure).toBe(isSecure);
  });
});
