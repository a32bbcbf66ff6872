import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  androidMessage,
  androidMessages,
  iosMessage,
  iosMessages,
} from '../../test/support/mobile-types.js';
import { type RtviClient, rtviPair, tick } from '../../test/support/rtvi-client.js';
import { ClientMessageError } from './client-message.error.js';
import type { RtviOutgoing } from './rtvi-messages.js';
import type { RtviSession } from './rtvi-session.js';

const SDKS = [
  ['iOS', iosMessage, iosMessages],
  ['Android', androidMessage, androidMessages],
] as const;

const text = { text: 'Hi' };
const OUTPUT = {
  ...text,
  output_type: 'sentence',
  will_be_spoken: true,
  segment_id: 1,
  spoken_status: 'in-progress',
  spoken_progress: { accumulated_text: 'H', remaining_text: 'i' },
} as const;
const metric = { processor: 'tts', value: 1, model: 'm' };

/** A message of each type that they decode, with all fields. */
const MESSAGES: Partial<RtviOutgoing> = {
  error: { error: 'broken', fatal: true },
  'server-message': { a: [1, 'b', true, { c: {} }] },
  'bot-output': OUTPUT,
  'bot-transcription': text,
  'user-transcription': { ...text, user_id: 'u', timestamp: '2026-01-01T00:00:00Z', final: true },
  'bot-llm-text': text,
  'bot-tts-text': text,
  metrics: { ttfb: [metric], processing: [metric], characters: [metric], tokens: [{ total: 1 }] },
  'bot-llm-search-response': {
    search_result: 'a',
    rendered_content: '<b>',
    origins: [{ site_uri: 'https://a', results: [{ text: 'a', confidence: [0.5] }] }],
  },
};

let client: RtviClient;
let rtvi: RtviSession;
beforeEach(async () => void ({ client, rtvi } = await rtviPair()));

/** Messages of the bot, as they come out of the wire. */
const wire = () =>
  client.connection.sent.map(
    (one) => JSON.parse(JSON.stringify((one as [string, object])[1])) as unknown,
  );

describe.each(SDKS)('RTVI messages for the client of %s', (_, envelope, types) => {
  it('decode, each type that it knows', async () => {
    rtvi.onClientMessage(({ type }) => {
      if (type === 'fails') throw new ClientMessageError('sold out');
      return { price: 7 };
    });
    client.ready('2.0.0');
    for (const [type, data] of Object.entries(MESSAGES)) {
      rtvi.send(type as 'server-message', data);
    }
    void rtvi.callFunction('f', { a: 1 }).catch(() => undefined);
    client.send('client-message', { t: 'price' });
    client.send('client-message', { t: 'fails' });
    client.send('append-to-context', { role: 'user', content: 'Hi' });
    await tick();
    const decoded = wire().map((message) => {
      const { type, data } = envelope(message, 'message') as { type: string; data: unknown };
      types[type]?.(data, type);
      return type;
    });
    expect(new Set(decoded)).toEqual(new Set([...Object.keys(types), 'llm-function-call-started']));
    client.transport.close();
  });

  it('decode for clients of RTVI 1', () => {
    client.ready('1.0.0');
    rtvi.send('bot-output', { ...OUTPUT, spoken_status: 'completed' });
    for (const message of wire()) {
      const { type, data } = envelope(message, 'message') as { type: string; data: unknown };
      types[type]!(data, type);
    }
    expect(wire()).toHaveLength(2);
  });
});

it('the decoders of iOS refuse a null in the data, and a bot-output of another form', () => {
  const message = { label: 'rtvi-ai', type: 'server-message', data: { a: [null] } };
  expect(() => iosMessage(message, 'message')).toThrow('message.data.a[0] is not a Value: null');
  expect(() => iosMessages['bot-output']!({ ...OUTPUT, aggregated_by: 'code' })).toThrow(
    '.aggregated_by is not one of word, sentence',
  );
});
