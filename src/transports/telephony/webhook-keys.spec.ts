import { describe, expect, it } from '@jest/globals';
import { BUILT_IN } from './carriers/index.js';
import { webhookKeysOf } from './webhook-keys.js';

describe('the keys of webhook signatures', () => {
  const account = { accountSid: 'AC1', authToken: 'of the account' };
  const keysWith = (keys?: Parameters<typeof webhookKeysOf>[0]) =>
    Object.fromEntries(webhookKeysOf(keys, { twilio: account }, BUILT_IN));

  it('are those of the accounts', () => {
    expect(keysWith()).toEqual({ twilio: ['of the account'] });
    expect(keysWith({ plivo: 'p' })).toEqual({ twilio: ['of the account'], plivo: ['p'] });
  });

  it('are those that are given, rather than those of the accounts', () => {
    expect(keysWith({ twilio: 'given' })).toEqual({ twilio: ['given'] });
    expect(keysWith({ twilio: ['new', 'old'] })).toEqual({ twilio: ['new', 'old'] });
  });

  it('are none where webhooks are not verified', () => {
    expect(keysWith(false)).toEqual({});
  });
});
