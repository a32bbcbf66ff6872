import { type CarrierDialect, hexId, jsonDialect } from '../carrier-dialect.js';

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
