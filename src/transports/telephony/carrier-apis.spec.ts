import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
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

describe('the answer of a carrier to a hang-up', () => {
  let server: Server;
  afterEach(() => void server.close());

  async function hangUp(carrier: string, answer: RequestListener) {
    server = createServer(answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const here = new CarrierApis(
      resolveTelephonyOptions({
        credentials: {
          twilio: { accountSid: 'AC1', authToken: 'secret', apiUrl },
          telnyx: { apiKey: 'secret', apiUrl },
          plivo: { authId: 'MA1', authToken: 'secret', apiUrl },
        },
      }),
      BUILT_IN,
    );
    return here.hangUpOf(carrier, new CallData({ call_id: 'CA1' }))!();
  }

  it.each([
    ['twilio', 200, {}, true],
    ['twilio', 404, { code: 20404 }, true],
    ['twilio', 404, { code: 20003 }, false],
    ['twilio', 404, 'no such page', false],
    ['twilio', 400, { code: 20404 }, false],
    ['telnyx', 422, { errors: [{ code: '90018' }] }, true],
    ['telnyx', 422, { errors: [{ code: '90015' }] }, false],
    ['telnyx', 422, { errors: [] }, false],
    ['telnyx', 404, { errors: [{ code: '90018' }] }, false],
    ['plivo', 404, { error: 'not found' }, true],
    ['plivo', 400, { error: 'not found' }, false],
  ])('of %s with %d and %j is that the call is over: %s', async (carrier, status, body, ok) => {
    const outcome = await hangUp(carrier, (_, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
    expect(outcome).toMatchObject({ ok, via: 'api' });
  });
});
