import { type CarrierDialect, hexId, jsonDialect } from '../carrier-dialect.js';

/** https://developer.exotel.com/docs/agentstream/stream-voicebot-applet */
export const exotelDialect: CarrierDialect = {
  ...jsonDialect('stream_sid', 'sequence_number', 'call_sid'),
  encoding: 'l16',
  newIds: () => ({ streamId: hexId(), callId: hexId() }),
  handshake: ({ streamId, callId, from, to, customParameters }) => [
    { event: 'connected' },
    {
      event: 'start',
      sequence_number: 1,
      stream_sid: streamId,
      start: {
        stream_sid: streamId,
        call_sid: callId,
        account_sid: 'exotel1',
        from,
        to,
        custom_parameters: customParameters,
        media_format: { encoding: 'base64', sample_rate: '8000', bit_rate: '128kbps' },
      },
    },
  ],
};
