import { RunnerError } from '../../../errors/runner.error.js';
import { TelnyxCallData } from '../dto/telnyx-call-data.dto.js';
import { isAudioRate } from '../../../media/audio-rates.js';
import { MediaUnavailableError } from '../../../media/media-unavailable.error.js';
import { objectIn, textIn } from '../../../media/serializers/carrier-message.js';
import {
  TELNYX_ENCODINGS,
  type TelnyxEncoding,
  TELNYX_L16_HZ,
  TelnyxSerializer,
} from '../../../media/serializers/telnyx.serializer.js';
import { type ApiRequest, type Carrier, objectOf, sipHeadersIn } from './carrier.js';
import { verifyTelnyx } from './telnyx-signature.js';
import { BUSY, connectStream, dialTarget, REFUSAL } from './xml.js';

/** Telnyx media streaming, RTP mode: https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming. */
export const telnyx: Carrier = {
  name: 'telnyx',
  answersPings: true,
  verifyWebhook: verifyTelnyx,

  webhookAnswer(input) {
    const { telnyxEncoding } = input.formats;
    // PCMU is what Telnyx takes unless told otherwise.
    const codec = telnyxEncoding === 'PCMU' ? '' : ` bidirectionalCodec="${telnyxEncoding}"`;
    const rate = telnyxEncoding === 'L16' ? ` bidirectionalSamplingRate="${TELNYX_L16_HZ}"` : '';
    return connectStream(input, ` bidirectionalMode="rtp"${codec}${rate}`);
  },

  noteFormat(call, { telnyxEncoding }) {
    call.inbound_encoding ??= telnyxEncoding;
  },

  webhookCallId: 'CallSid',
  busyXml: `<Response><Say>${BUSY}</Say><Hangup/></Response>`,
  refusalXml: REFUSAL,
  transferXml: dialTarget,

  identify(message) {
    const start = objectIn(message, 'start');
    const stream_id = textIn(message, 'stream_id');
    const call_id = textIn(start, 'call_control_id');
    if (!stream_id || !call_id) return undefined;
    const body = objectIn(start, 'custom_parameters');
    return new TelnyxCallData({
      stream_id,
      call_id,
      outbound_encoding: textIn(objectIn(start, 'media_format'), 'encoding'),
      from: textIn(start, 'from'),
      to: textIn(start, 'to'),
      body,
      sip_headers: sipHeadersIn(body),
      media_format: start.media_format,
    });
  },

  serializer(call) {
    const { sample_rate } = objectIn(call, 'media_format');
    return new TelnyxSerializer({
      from: encodingOf(call.outbound_encoding, 'sends'),
      to: encodingOf(call.inbound_encoding, 'takes'),
      fromL16Hz: isAudioRate(sample_rate) ? (sample_rate as number) : undefined,
    });
  },

  /**
   * Call commands, https://developers.telnyx.com/api-reference/call-commands/hangup-call and /transfer-call; and TeXML, where the account is
   * known: https://developers.telnyx.com/api-reference/texml-rest-commands/initiate-an-outbound-call and /update-call.
   */
  callApi({ telnyx }) {
    if (!telnyx) return undefined;
    const { apiKey, apiUrl = 'https://api.telnyx.com/v2', accountSid, applicationId } = telnyx;
    const command = (callControlId: string, name: string, body: object): ApiRequest => ({
      method: 'POST',
      path: `/calls/${encodeURIComponent(callControlId)}/actions/${name}`,
      body,
    });
    return {
      baseUrl: apiUrl,
      authorization: `Bearer ${apiKey}`,
      secret: apiKey,
      endCall: (callControlId) => command(callControlId, 'hangup', {}),
      // "Call has already ended": https://developers.telnyx.com/api/errors/90018.
      isOver: (status, answer) =>
        status === 422 &&
        ((answer as { errors?: { code?: unknown }[] } | undefined)?.errors ?? []).some(
          ({ code }) => code === '90018',
        ),
      // Calls that TeXML answers end with it, so it has to go on with another one.
      transferCall: ({ callId, target, callerId, xml }) =>
        accountSid === undefined
          ? command(callId, 'transfer', { to: target.address, from: callerId })
          : {
              method: 'POST',
              path: `/texml/Accounts/${encodeURIComponent(accountSid)}/Calls/${encodeURIComponent(callId)}`,
              form: { Texml: xml },
            },
      placeCall({ to, from, xml, ringTimeoutSeconds, extra }) {
        if (accountSid === undefined || applicationId === undefined) {
          throw new RunnerError(
            'TRANSPORT_UNAVAILABLE',
            'Placing calls with Telnyx takes credentials.telnyx.accountSid, and the id of a TeXML application as applicationId.',
          );
        }
        return {
          method: 'POST',
          path: `/texml/Accounts/${encodeURIComponent(accountSid)}/Calls`,
          body: {
            ...extra,
            ApplicationSid: applicationId,
            To: to.address,
            From: from.address,
            Texml: xml,
            Timeout: ringTimeoutSeconds,
          },
        };
      },
      placedCallId(answer) {
        const told = objectOf(answer);
        return textIn(told, 'call_sid') ?? textIn(objectIn(told, 'data'), 'call_sid');
      },
    };
  },
};

/** @throws {MediaUnavailableError} for an encoding that is not understood; a call that says nothing of it has PCMU */
function encodingOf(name: unknown, does: 'sends' | 'takes'): TelnyxEncoding {
  const encoding = TELNYX_ENCODINGS.find((one) => one === (name ?? 'PCMU'));
  if (encoding) return encoding;
  throw new MediaUnavailableError(
    `Telnyx ${does} this call as '${String(name).slice(0, 40)}'; understood are ${TELNYX_ENCODINGS.join(', ')}.`,
  );
}
