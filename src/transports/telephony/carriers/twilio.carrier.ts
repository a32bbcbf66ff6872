import { CallData } from '../../../bot/call-data.js';
import { objectIn, textIn } from '../../../media/serializers/carrier-message.js';
import { TwilioSerializer } from '../../../media/serializers/twilio.serializer.js';
import { basicAuth, type Carrier, sipHeadersIn } from './carrier.js';
import { verifyTwilio } from './twilio-signature.js';
import { BUSY, connectStream } from './xml.js';

/** Twilio, `<Connect><Stream>`: https://www.twilio.com/docs/voice/media-streams/websocket-messages. */
export const twilio: Carrier = {
  name: 'twilio',
  answersPings: true,
  verifyWebhook: verifyTwilio,

  webhookAnswer: (input) => connectStream(input),

  busyXml: `<Response><Say>${BUSY}</Say><Hangup/></Response>`,

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

  /** https://www.twilio.com/docs/voice/api/call-resource, "Update a Call". */
  callApi({ twilio }) {
    if (!twilio) return undefined;
    const { accountSid, authToken, region, edge, apiUrl } = twilio;
    return {
      baseUrl:
        apiUrl ?? `https://${['api', edge, region, 'twilio', 'com'].filter(Boolean).join('.')}`,
      authorization: basicAuth(accountSid, authToken),
      secret: authToken,
      endCall: (callSid) => ({
        method: 'POST',
        path: `/2010-04-01/Accounts/${accountSid}/Calls/${encodeURIComponent(callSid)}.json`,
        form: { Status: 'completed' },
      }),
      // "The requested resource was not found": https://www.twilio.com/docs/api/errors/20404.
      isOver: (status, answer) =>
        status === 404 && (answer as { code?: unknown } | undefined)?.code === 20404,
    };
  },
};
