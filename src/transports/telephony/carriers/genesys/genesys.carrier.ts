import { fieldOf } from '../../../../errors/thrown.js';
import { CallData } from '../../../../bot/call-data.js';
import { objectIn, textIn } from '../../../../media/serializers/json-message.js';
import type { Carrier } from '../carrier.js';
import { GenesysResponder } from './genesys.responder.js';
import { GenesysSerializer, selectMedia } from './genesys.serializer.js';
import { type GenesysAccount, verifyGenesys } from './genesys.signature.js';
import type { CarrierDialect } from '../carrier-dialect.js';

/** Returns the type of the event entity, or else of the message. */
const eventOf: CarrierDialect['eventOf'] = ({ type, parameters }) => {
  const entities = fieldOf(parameters, 'entities');
  return (Array.isArray(entities) ? fieldOf(entities[0], 'type') : undefined) ?? type;
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

/** The conversation of the probe with which Genesys tests the connection when an integration is activated. */
const NO_CONVERSATION = '00000000-0000-0000-0000-000000000000';

/**
 * Genesys Cloud, AudioHook and Audio Connector: https://developer.genesys.cloud/devapps/audiohook. The `body` of the call has the input variables of
 * the Architect flow.
 */
export const genesys: Carrier<'genesys', GenesysAccount> = {
  name: 'genesys',
  dialect: genesysDialect,
  urlSetting: 'the connection URI of the AudioHook or Audio Connector integration',
  verifyConnection: verifyGenesys,

  account: {
    required: { apiKey: 'GENESYS_API_KEY' },
    optional: { clientSecret: 'GENESYS_CLIENT_SECRET' },
  },

  identify(message) {
    const { version, type, parameters } = message;
    const stream_id = textIn(message, 'id');
    if (version !== '2' || type !== 'open' || !stream_id || !parameters) return undefined;
    const open = objectIn(message, 'parameters');
    const participant = objectIn(open, 'participant');
    return new CallData({
      stream_id,
      call_id: textIn(open, 'conversationId'),
      from: textIn(participant, 'ani')?.replace(/^tel:/, ''),
      to: textIn(participant, 'dnis')?.replace(/^tel:/, ''),
      body: objectIn(open, 'inputVariables'),
      organization_id: textIn(open, 'organizationId'),
      language: textIn(open, 'language'),
      custom_config: open.customConfig,
      media: open.media,
      participant,
    });
  },

  isTest: ({ call_id }) => call_id === NO_CONVERSATION,
  responder: ({ stream_id = '', media }) => new GenesysResponder(stream_id, selectMedia(media)),
  serializer: ({ stream_id = '', media }) => new GenesysSerializer(stream_id, selectMedia(media)),
};
