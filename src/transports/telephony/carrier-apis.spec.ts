import { describe, expect, it } from '@jest/globals';
import { CallData } from '../../bot/call-data.js';
import { CarrierApis } from './carrier-apis.js';
import { BUILT_IN } from './carriers/index.js';
import { resolveTelephonyOptions } from './telephony.options.js';

const apis = new CarrierApis(
  resolveTelephonyOptions({
    credentials: {
      twilio: { accountSid: 'AC1', authToken: 'secret' },
      telnyx: { apiKey: 'secret' },
      plivo: { authId: 'MA1', authToken: 'secret' },
    },
  }),
  BUILT_IN,
);
const of = (carrier: string, call_id: string | undefined) =>
  apis.hangUpOf(carrier, new CallData({ call_id }));

describe.each(['twilio', 'telnyx', 'plivo'])('hanging up at %s', (carrier) => {
  it.each([
    'CA18ad3ab5a668481ce02b83e7395059f0',
    'v3:MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg',
    '20170ada-f610-433b-8758-c02a2aab3662',
  ])('ends the call %s', (callId) => expect(of(carrier, callId)).toBeInstanceOf(Function));

  // Whoever connects says which call it brings: "." would be all calls of the account.
  it.each(['.', '..', 'a/../b', 'a.b', '', ' ', 'é', '\ud800', undefined])(
    'asks nothing of the API for what is no id of a call: %j',
    (callId) => expect(of(carrier, callId)).toBeUndefined(),
  );
});
