import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { busyMs } from '../../../../../test/support/busy-ms.js';
import { CallData } from '../../../../bot/call-data.js';
import { verifyGenesys } from './genesys.signature.js';

/** The example of https://developer.genesys.cloud/devapps/audiohook/security. */
const HEADERS: Record<string, string> = {
  host: 'audiohook.example.com',
  'audiohook-organization-id': 'd7934305-0972-4844-938e-9060eef73d05',
  'audiohook-session-id': '30b0e395-84d3-4570-ac13-9a62d8f514c0',
  'audiohook-correlation-id': 'e160e428-53e2-487c-977d-96989bf5c99d',
  'x-api-key': 'SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh',
  signature: 'sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:',
  'signature-input':
    'sig1=("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id" "audiohook-correlation-id" "x-api-key");keyid="SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256";created=1641013200;expires=3282026430',
};
const ACCOUNT = {
  apiKey: 'SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh',
  clientSecret: 'TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=',
};
const URLS = [
  'https://other.example.com/',
  'https://audiohook.example.com/api/v1/voicebiometrics/ws',
];
const CALL = new CallData({
  stream_id: HEADERS['audiohook-session-id'],
  organization_id: HEADERS['audiohook-organization-id'],
});

const verify = (headers = {}, { urls = URLS, account = ACCOUNT, call = CALL } = {}) => {
  verifyGenesys(
    { headers: { ...HEADERS, ...headers }, urls, body: Buffer.alloc(0) },
    account,
    call,
  );
};

beforeEach(() => void jest.spyOn(Date, 'now').mockReturnValue(1_641_013_205_000));
afterEach(() => void jest.restoreAllMocks());

describe('the signature of Genesys', () => {
  it('is that of its documentation', () => expect(() => verify()).not.toThrow());

  const input = HEADERS['signature-input']!;
  it.each<[string, Record<string, string | undefined>, RegExp]>([
    ['another key', { 'x-api-key': 'other' }, /x-api-key is not that/],
    ['no key', { 'x-api-key': undefined }, /x-api-key is required/],
    ['no signature', { signature: undefined }, /signature-input and signature are required/],
    ['another signature', { signature: `sig1=:${'A'.repeat(43)}=:` }, /does not match/],
    ['one of another label', { signature: HEADERS.signature!.replace('sig1', 'sig2') }, /match/],
    ['bytes that are none', { signature: 'sig1=AAAA' }, /does not match/],
    ['a header that was changed', { 'audiohook-correlation-id': 'x' }, /does not match/],
    ['another algorithm', { 'signature-input': input.replace('sha256', 'sha512') }, /match/],
    ['nothing covered', { 'signature-input': 'sig1=();created=1641013200' }, /cover @request/],
    ['what cannot be read', { 'signature-input': 'sig1=' }, /cannot be read/],
    [
      'a key with parameters',
      { 'signature-input': input.replace('"x-api-key"', '"x-api-key";sf') },
      /cannot be read/,
    ],
    ['no time', { 'signature-input': input.replace('created', 'creation') }, /five minutes/],
    [
      'a time long past',
      { 'signature-input': input.replace('1641013200', '1641012000') },
      /five minutes/,
    ],
    [
      'a time that has expired',
      { 'signature-input': input.replace('3282026430', '1641013201') },
      /expired/,
    ],
  ])('does not pass with %s', (_, headers, message) => {
    expect(() => verify(headers)).toThrow(message);
    expect(() => verify(headers)).toThrow(expect.objectContaining({ code: 'UNAUTHORIZED' }));
  });

  it('does not pass at another URL, with another secret or for another session', () => {
    expect(() => verify({}, { urls: [`${URLS[1]}?x`] })).toThrow(/does not match/);
    const account = { ...ACCOUNT, clientSecret: 'b3RoZXI=' };
    expect(() => verify({}, { account })).toThrow(/does not match/);
    for (const other of [{ stream_id: 'x' }, { organization_id: 'x' }]) {
      expect(() => verify({}, { call: new CallData({ ...CALL, ...other }) })).toThrow(/session/);
    }
  });

  it('is looked at in no time, whatever it is', () => {
    const look = (): void => {
      for (const long of ['"a" '.repeat(4_000), '"'.repeat(16_000), ';a=1'.repeat(4_000)]) {
        expect(() => verify({ 'signature-input': `sig1=(${long})` })).toThrow();
        expect(() => verify({ 'signature-input': `sig1=()${long}` })).toThrow();
      }
    };
    expect(busyMs(look)).toBeLessThan(500);
  });
});
