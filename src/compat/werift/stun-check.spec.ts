import { describe, expect, it } from '@jest/globals';
import * as werift from 'werift';
import { connectivityCheck } from '../../../test/support/datagrams.js';
import { isAuthenticCheck, stunClassOf, stunTransactionOf } from './stun-check.js';

const passwordOf = (ufrag: string): string | undefined =>
  ufrag === 'ours' ? 'our password' : undefined;

/** A message to whose end something was added, with the length that it has then. */
function withMore(message: Buffer, more: Buffer): Buffer {
  const all = Buffer.concat([message, more]);
  all.writeUInt16BE(all.length - 20, 2);
  return all;
}

describe('a connectivity check', () => {
  const authentic = connectivityCheck('ours:theirs', 'our password');

  it('is authentic when it is signed with the password of the user that it names', () => {
    expect(isAuthenticCheck(authentic, passwordOf)).toBe(true);
  });

  it('is authentic without a fingerprint', () => {
    const check = withMore(authentic.subarray(0, -8), Buffer.alloc(0));
    expect(isAuthenticCheck(check, passwordOf)).toBe(true);
  });

  it.each([
    ['unsigned', connectivityCheck('ours:theirs')],
    ['signed with another password', connectivityCheck('ours:theirs', 'another')],
    ['signed with no password', connectivityCheck('ours:theirs', '')],
    ['of an unknown user', connectivityCheck('theirs:ours', 'our password')],
    ['of a user who is named like a property', connectivityCheck('__proto__:x', 'our password')],
    ['with something after the signature', withMore(authentic, Buffer.from([0, 37, 0, 0]))],
    [
      'with another attribute than the fingerprint after the signature',
      withMore(authentic.subarray(0, -8), Buffer.from([0, 37, 0, 0, 0, 37, 0, 0, 0, 37, 0, 0])),
    ],
  ])('that is %s is not', (_, check) => {
    expect(isAuthenticCheck(check, passwordOf)).toBe(false);
  });

  it('that was changed in any byte is not', () => {
    for (let i = 0; i < authentic.length - 8; i++) {
      // The length is not what is signed.
      if (i === 2 || i === 3) continue;
      const changed = Buffer.from(authentic);
      changed[i]! ^= 1;
      expect([i, isAuthenticCheck(changed, passwordOf)]).toEqual([i, false]);
    }
  });

  it('that ends anywhere is not, and is no error', () => {
    for (let length = 20; length < authentic.length - 8; length++) {
      const cut = withMore(authentic.subarray(0, length), Buffer.alloc(0));
      expect([length, isAuthenticCheck(cut, passwordOf)]).toEqual([length, false]);
    }
  });
});

describe('a datagram', () => {
  it.each([
    ['request', werift.classes.REQUEST],
    ['indication', werift.classes.INDICATION],
    ['response', werift.classes.RESPONSE],
    ['response', werift.classes.ERROR],
  ])('is known for a STUN %s', (name, type) => {
    const message = new werift.Message(werift.methods.BINDING, type);
    expect(stunClassOf(message.bytes)).toBe(name);
    expect(stunTransactionOf(message.bytes)).toBe(message.transactionIdHex);
  });

  const message = new werift.Message(werift.methods.BINDING, werift.classes.REQUEST).bytes;
  it.each([
    ['empty', Buffer.alloc(0)],
    ['one byte', Buffer.of(0)],
    ['a part of a header', message.subarray(0, 19)],
    ['of another length than it says', Buffer.concat([message, Buffer.alloc(4)])],
    ['without the magic cookie', Buffer.alloc(20)],
    ['DTLS', Buffer.of(22, ...message.subarray(1))],
    ['longer than any of ICE', withMore(message, Buffer.alloc(2_000))],
  ])('that is %s is no STUN', (_, data) => {
    expect(stunClassOf(data)).toBeUndefined();
  });
});
