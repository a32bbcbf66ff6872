import { describe, expect, it } from '@jest/globals';
import { checkCredentials, credentialsFromEnv } from '../../telephony-credentials.js';
import { twilio, type TwilioAccount } from './twilio.carrier.js';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
const ENV = { TWILIO_ACCOUNT_SID: 'AC1' };
const KEY = { TWILIO_API_KEY: 'SK1', TWILIO_API_SECRET: 'key-secret' };

describe('a Twilio account', () => {
  it.each<[string, Record<string, string>, string, string]>([
    ['an auth token', { TWILIO_AUTH_TOKEN: 'token' }, 'AC1:token', 'token'],
    ['an API key', KEY, 'SK1:key-secret', 'key-secret'],
    ['both', { TWILIO_AUTH_TOKEN: 'token', ...KEY }, 'SK1:key-secret', 'key-secret'],
  ])('has %s from the environment', (_, env, user, secret) => {
    const account = credentialsFromEnv({ ...ENV, ...env }).twilio as TwilioAccount;
    expect(checkCredentials({ twilio: account })).toBeUndefined();
    const api = twilio.callApi!(account);
    expect(api).toMatchObject({ authorization: basic(user), secret });
    expect(api.endCall('CA1').path).toBe('/2010-04-01/Accounts/AC1/Calls/CA1.json');
  });

  it('is none without a secret, or with empty variables', () => {
    expect(credentialsFromEnv(ENV)).not.toHaveProperty('twilio');
    const empty = { ...ENV, TWILIO_AUTH_TOKEN: '', TWILIO_API_KEY: '', TWILIO_API_SECRET: 'x' };
    expect(credentialsFromEnv(empty)).not.toHaveProperty('twilio');
  });

  it.each([
    [{ accountSid: 'AC1' }, /twilio\.authToken, a string, or twilio\.apiKey and twilio\.apiSecret/],
    [
      { accountSid: 'AC1', authToken: 'x', apiKey: 'SK1' },
      /both twilio\.apiKey and twilio\.apiSecret, or neither/,
    ],
  ])('that is %j is refused with what is accepted', (account, message) => {
    expect(checkCredentials({ twilio: account })).toMatch(message);
  });
});
