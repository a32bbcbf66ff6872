import { CallData } from '../../../../bot/call-data.js';
import { objectIn, textIn } from '../../../../media/serializers/json-message.js';
import { type ApiRequest, basicAuth, objectOf, type Carrier } from '../carrier.js';
import { sipHeadersIn } from '../call-parameters.js';
import { BUSY_XML, connectStream, dialTarget, HANG_UP_XML, REFUSAL_XML } from '../xml.js';
import { verifyTwilio } from './twilio.signature.js';
import { type CarrierDialect, hexId, jsonDialect } from '../carrier-dialect.js';
import { MULAW } from '../../../../media/codecs/g711.js';
import { JsonCarrierSerializer } from '../json-carrier.serializer.js';

/** Serializer for Twilio Media Streams: https://www.twilio.com/docs/voice/media-streams/websocket-messages. */
export class TwilioSerializer extends JsonCarrierSerializer {
  constructor(streamSid: string) {
    super({ codecs: { in: MULAW, out: MULAW }, stream: { streamSid } });
  }
}

/** https://www.twilio.com/docs/voice/media-streams/websocket-messages */
export const twilioDialect: CarrierDialect = {
  ...jsonDialect('streamSid', 'sequenceNumber', 'callSid'),
  newIds: () => ({ streamId: `MZ${hexId()}`, callId: `CA${hexId()}` }),
  handshake: ({ streamId, callId, from, to, customParameters }) => [
    { event: 'connected', protocol: 'Call', version: '1.0.0' },
    {
      event: 'start',
      sequenceNumber: '1',
      streamSid: streamId,
      start: {
        streamSid: streamId,
        accountSid: 'AC00000000000000000000000000000000',
        callSid: callId,
        tracks: ['inbound'],
        customParameters: {
          ...(from !== undefined && { from_number: from }),
          ...(to !== undefined && { to_number: to }),
          ...customParameters,
        },
        mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
      },
    },
  ],
};

/**
 * Twilio account: `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN`, `TWILIO_API_KEY`, `TWILIO_API_SECRET`, `TWILIO_REGION`, `TWILIO_EDGE`. The API key, where
 * there is one, is for the REST API; the signatures of webhooks need the auth token.
 */
export type TwilioAccount = {
  readonly accountSid: string;
} & (
  | { readonly authToken: string; readonly apiKey?: string; readonly apiSecret?: string }
  | { readonly authToken?: string; readonly apiKey: string; readonly apiSecret: string }
) &
  (
    | {
        /** Region and edge, such as `au1` and `sydney`. Both or neither are set. */
        readonly region?: string;
        readonly edge?: string;
        readonly apiUrl?: never;
      }
    | {
        /** Base URL of another server with Twilio's API. @default 'https://api.twilio.com' */
        readonly apiUrl?: string;
        readonly region?: never;
        readonly edge?: never;
      }
  );

/** Twilio, `<Connect><Stream>`: https://www.twilio.com/docs/voice/media-streams/websocket-messages. */
export const twilio: Carrier<'twilio', TwilioAccount> = {
  name: 'twilio',
  dialect: twilioDialect,

  webhook: {
    connectXml: (input) => connectStream(input),
    callIdField: 'CallSid',
    busyXml: BUSY_XML,
    refusalXml: REFUSAL_XML,
    resume: { endXml: HANG_UP_XML },
    signature: {
      verify: verifyTwilio,
      deliveryHeader: 'i-twilio-idempotency-token',
      env: 'TWILIO_AUTH_TOKEN',
      accountField: 'authToken',
    },
  },

  account: {
    required: { accountSid: 'TWILIO_ACCOUNT_SID' },
    optional: {
      authToken: 'TWILIO_AUTH_TOKEN',
      ...{ apiKey: 'TWILIO_API_KEY', apiSecret: 'TWILIO_API_SECRET' },
      ...{ region: 'TWILIO_REGION', edge: 'TWILIO_EDGE', apiUrl: '' },
    },
    secrets: [['authToken'], ['apiKey', 'apiSecret']],
    check: ({ region, edge, apiKey, apiSecret }) => {
      if ((region === undefined) !== (edge === undefined))
        return 'both twilio.region and twilio.edge, or neither';
      return (apiKey === undefined) !== (apiSecret === undefined)
        ? 'both twilio.apiKey and twilio.apiSecret, or neither'
        : undefined;
    },
  },

  identify(message) {
    const start = objectIn(message, 'start');
    const stream_id = textIn(start, 'streamSid');
    const call_id = textIn(start, 'callSid');
    if (message.event !== 'start' || !stream_id || !call_id) return undefined;
    const body = objectIn(start, 'customParameters');
    // Twilio has no field for the numbers. By convention custom parameters of these names carry them.
    return new CallData({
      stream_id,
      call_id,
      body,
      from: textIn(body, 'from_number'),
      to: textIn(body, 'to_number'),
      sip_headers: sipHeadersIn(body),
    });
  },

  serializer: ({ stream_id }) => new TwilioSerializer(stream_id ?? ''),

  /** https://www.twilio.com/docs/voice/api/call-resource: "Create a Call", "Update a Call". */
  callApi({ accountSid, authToken = '', apiKey, apiSecret, region, edge, apiUrl }) {
    const secret = apiSecret ?? authToken;
    const calls = `/2010-04-01/Accounts/${accountSid}/Calls`;
    const update = (callSid: string, form: Record<string, string>): ApiRequest => ({
      method: 'POST',
      path: `${calls}/${encodeURIComponent(callSid)}.json`,
      form,
    });
    return {
      baseUrl:
        apiUrl ?? `https://${['api', edge, region, 'twilio', 'com'].filter(Boolean).join('.')}`,
      authorization: basicAuth(apiKey ?? accountSid, secret),
      secret,
      endCall: (callSid) => update(callSid, { Status: 'completed' }),
      // "The requested resource was not found": https://www.twilio.com/docs/api/errors/20404.
      isOver: (status, answer) => status === 404 && objectOf(answer).code === 20404,
      transferCall: ({ callId, target, callerId }) =>
        update(callId, { Twiml: dialTarget(target, callerId) }),
      placeCall: ({ to, from, xml, ringTimeoutSeconds, extra }) => ({
        method: 'POST',
        path: `${calls}.json`,
        form: {
          ...Object.fromEntries(Object.entries(extra).map(([name, one]) => [name, String(one)])),
          To: to.address,
          From: from.address,
          Twiml: xml,
          Timeout: String(ringTimeoutSeconds),
        },
      }),
      placedCallId: (answer) => textIn(objectOf(answer), 'sid'),
    };
  },
};
