import type { CarrierDialect } from '../carrier-dialect.js';

/** Returns the type of the event entity, or else of the message. */
const eventOf: CarrierDialect['eventOf'] = ({ type, parameters }) => {
  const { entities } = (parameters ?? {}) as { entities?: { type?: unknown }[] };
  return entities?.[0]?.type ?? type;
};

/** https://developer.genesys.cloud/devapps/audiohook/protocol-reference */
export const genesysDialect: CarrierDialect = {
  encoding: 'mulaw',
  newIds: () => ({ streamId: crypto.randomUUID(), callId: crypto.randomUUID() }),
  handshake: ({ callId, from = '', to = '', customParameters }) => [
    {
      type: 'open',
      parameters: {
        organizationId: 'd7934305-0972-4844-938e-9060eef73d05',
        conversationId: callId,
        participant: { id: crypto.randomUUID(), ani: from, aniName: '', dnis: to },
        media: [{ type: 'audio', format: 'PCMU', channels: ['external'], rate: 8000 }],
        language: 'en-US',
        inputVariables: customParameters,
      },
    },
  ],
  dtmf: (_, digit) => ({ type: 'dtmf', parameters: { digit } }),
  stop: () => ({ type: 'close', parameters: { reason: 'end' } }),
  eventOf,
  clearEvent: 'barge_in',
  returnsMarks: false,
  openEvent: 'opened',
  reply({ type }) {
    if (type === 'closed') return 'close';
    if (type === 'disconnect') return { type: 'close', parameters: { reason: 'disconnect' } };
    return undefined;
  },
  stamp: (message, { streamId }, { sent, received, spokenMs }) => ({
    version: '2',
    id: streamId,
    seq: sent + 1,
    serverseq: received,
    position: `PT${spokenMs / 1_000}S`,
    parameters: {},
    ...message,
  }),
};
