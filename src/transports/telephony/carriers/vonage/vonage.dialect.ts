import type { CarrierDialect } from '../carrier-dialect.js';

/** https://developer.vonage.com/en/voice/voice-api/guides/websockets */
export const vonageDialect: CarrierDialect = {
  encoding: 'l16',
  newIds: () => ({ streamId: crypto.randomUUID(), callId: crypto.randomUUID() }),
  handshake: ({ streamId, callId, from, to, customParameters }) => [
    {
      event: 'websocket:connected',
      'content-type': 'audio/l16;rate=8000',
      stream_id: streamId,
      call_id: callId,
      ...(from !== undefined && { from_number: from }),
      ...(to !== undefined && { to_number: to }),
      ...customParameters,
    },
  ],
  dtmf: (_, digit) => ({ event: 'websocket:dtmf', digit, duration: 260 }),
  eventOf: ({ action }) => action,
  markOf: ({ action, payload }) => (action === 'notify' ? JSON.stringify(payload) : undefined),
  played: (_, payload) => ({ event: 'websocket:notify', payload: JSON.parse(payload) as unknown }),
  clearEvent: 'clear',
  cleared: () => ({ event: 'websocket:cleared' }),
  returnsMarks: false,
};
