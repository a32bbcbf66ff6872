import { CallData } from '../../../bot/call-data.js';
import { objectIn, textIn } from '../../../media/serializers/carrier-message.js';
import { TwilioSerializer } from '../../../media/serializers/twilio.serializer.js';
import {
  type ApiRequest,
  basicAuth,
  type Carrier,
  objectOf,
  sipHeadersIn,
  textsOf,
} from './carrier.js';
import { verifyTwilio } from './twilio-signature.js';
import { BUSY, connectStream, dialTarget, REFUSAL } from './xml.js';

/** Twilio, `<Connect><Stream>`: https://www.twilio.com/docs/voice/media-streams/websocket-messages. */
export const twilio: Carrier = {
  name: 'twilio',
  answersPings: true,
  verifyWebhook: verifyTwilio,

  webhookAnswer: (input) => connectStream(input),

  webhookCallId: 'CallSid',
  busyXml: `<Response><Say>${BUSY}</Say><Hangup/></Response>`,
  refusalXml: REFUSAL,
  transferXml: dialTarget,

  identify(message) {
    const start = objectIn(message, 'start');
    const stream_id = textIn(start, 'streamSid');
    const call_id = textIn(start, 'callSid');
    if (message.event !== 'start' || !stream_id || !call_id) return undefined;
    const body = objectIn(start, 'customParameters');
    // Twilio has no field for the numbers; by convention they come as parameters of these names.
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
  callApi({ twilio }) {
    if (!twilio) return undefined;
    const { accountSid, authToken, region, edge, apiUrl } = twilio;
    const calls = `/2010-04-01/Accounts/${accountSid}/Calls`;
    const update = (callSid: string, form: Record<string, string>): ApiRequest => ({
      method: 'POST',
      path: `${calls}/${encodeURIComponent(callSid)}.json`,
      form,
    });
    return {
      baseUrl:
        apiUrl ?? `https://${['api', edge, region, 'twilio', 'com'].filter(Boolean).join('.')}`,
      authorization: basicAuth(accountSid, authToken),
      secret: authToken,
      endCall: (callSid) => update(callSid, { Status: 'completed' }),
      // "The requested resource was not found": https://www.twilio.com/docs/api/errors/20404.
      isOver: (status, answer) =>
        status === 404 && (answer as { code?: unknown } | undefined)?.code === 20404,
      transferCall: ({ callId, xml }) => update(callId, { Twiml: xml }),
      placeCall: ({ to, from, xml, ringTimeoutSeconds, extra }) => ({
        method: 'POST',
        path: `${calls}.json`,
        form: {
          ...textsOf(extra),
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
