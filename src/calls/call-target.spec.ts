import { describe, expect, it } from '@jest/globals';
import { busyMs } from '../../test/support/busy-ms.js';
import { parseCallTarget } from './call-target.js';

describe('the target of a call', () => {
  it.each(['+15550001', '+4930123456', '+12'])('is a number: %s', (address) =>
    expect(parseCallTarget(address)).toEqual({ kind: 'number', address }),
  );

  it.each([
    'sip:desk@example.com',
    'sips:+15550001@10.0.0.1:5061',
    'sip:a.b-c_d@pbx.example.com;transport=tls;secure=srtp',
  ])('is a SIP URI: %s', (address) =>
    expect(parseCallTarget(address)).toEqual({ kind: 'sip', address }),
  );

  it.each([
    '',
    '15550001',
    '+0123',
    '+1555000112345678',
    '+1 555 0001',
    '+15550001,200',
    '+15550001<+1900555',
    '+15550001\n',
    'tel:+15550001',
    'SIP:desk@example.com',
    'sip:example.com',
    'sip:desk@example.com<sip:other@example.com',
    'sip:desk@example.com,200',
    'sip:de"sk@example.com',
    'sip:desk@example.com</Sip></Dial><Hangup/>',
    'sip:desk@exa mple.com',
    'sip:desk@example.com?Subject=x',
    `sip:${'a'.repeat(5_000)}@example.com`,
    undefined,
    null,
    15550001,
    ['+15550001'],
  ])('is nothing else: %j', (text) => expect(parseCallTarget(text)).toBeUndefined());

  it('is read in a time that does not grow with more than its length', () => {
    const read = (): void => {
      parseCallTarget(`sip:${'a'.repeat(100)}@${'.'.repeat(1_000_000)}!`);
      parseCallTarget(`sip:a@b${';a=b'.repeat(250_000)}!`);
    };
    expect(busyMs(read)).toBeLessThan(200);
  });
});
