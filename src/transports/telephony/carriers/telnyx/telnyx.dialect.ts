import { type CarrierDialect, hexId, jsonDialect } from '../carrier-dialect.js';

/** https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming */
export const telnyxDialect: CarrierDialect = {
  ...jsonDialect('stream_id', 'sequence_number', 'call_control_id'),
  tellsNumbers: true,
  newIds: () => ({ streamId: crypto.randomUUID(), callId: `v3:${hexId()}` }),
  handshake: ({ streamId, callId, from, to, customParameters }) => [
    { event: 'connected', version: '1.0.0' },
    {
      event: 'start',
      sequence_number: '1',
      stream_id: streamId,
      start: {
        call_control_id: callId,
        call_session_id: crypto.randomUUID(),
        from,
        to,
        custom_parameters: customParameters,
        media_format: { encoding: 'PCMU', sample_rate: 8000, channels: 1 },
      },
    },
  ],
};
