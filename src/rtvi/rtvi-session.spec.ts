import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RtviClient, tick } from '../../test/support/rtvi-client.js';
import { InvalidFieldsError } from '../validation/invalid-fields.error.js';
import { ClientMessageError } from './client-message.error.js';
import { RtviSession, type RtviSessionOptions } from './rtvi-session.js';

let client: RtviClient;

beforeEach(() => void (client = new RtviClient()));
afterEach(() => client.transport.close());

async function rtviSession(options: RtviSessionOptions = {}): Promise<RtviSession> {
  const rtvi = new RtviSession(client.transport, options);
  await tick();
  return rtvi;
}

describe('RTVI readiness', () => {
  it('answers client-ready with bot-ready under the same id', async () => {
    const rtvi = await rtviSession();
    const clients: unknown[] = [];
    rtvi.on('client-ready', (client) => clients.push({ ...client }));
    client.ready();
    expect(client.received).toEqual([
      {
        type: 'bot-ready',
        id: 'r1',
        data: {
          version: '2.2.0',
          about: { library: 'nestjs-pipecat-runner' },
          capabilities: { audio_in: true, audio_out: true },
        },
      },
    ]);
    expect(clients).toEqual([{ version: '2.2.0', about: { library: 'test' } }]);
  });

  it('can be left to the bot with ready: false', async () => {
    const rtvi = await rtviSession({ ready: false, about: { name: 'Ada' } });
    client.ready();
    expect(client.received).toEqual([]);
    rtvi.ready();
    rtvi.ready();
    expect(client.received).toMatchObject([
      { type: 'bot-ready', data: { about: { name: 'Ada' } } },
    ]);
  });

  it('buffers messages until the client is ready, and answers client-ready again after a reconnect', async () => {
    const rtvi = await rtviSession();
    expect(rtvi.send('bot-output', { text: 'Hi', aggregated_by: 'sentence' })).toBe(true);
    expect(client.received).toEqual([]);
    client.ready();
    client.ready();
    rtvi.send('bot-started-speaking');
    expect(client.received.map(({ type }) => type)).toEqual([
      'bot-ready',
      'bot-output',
      'bot-ready',
      'bot-started-speaking',
    ]);
    expect(client.received.at(-1)).toEqual({ type: 'bot-started-speaking' });
  });

  it.each([
    ['a thousand short messages', 1, 1_000],
    ['four megabytes of long ones', 100_000, 40],
  ])(
    'buffers %s at most until the client is ready, and drops the oldest',
    async (_, length, most) => {
      const rtvi = await rtviSession();
      const audio = 'x'.repeat(length);
      for (let i = 0; i < 1_500; i++) {
        rtvi.send('bot-tts-audio', { audio, sample_rate: i, num_channels: 1 });
      }
      client.ready();
      const kept = client.received.slice(1);
      expect(kept.length).toBeGreaterThan(most * 0.9);
      expect(kept.length).toBeLessThanOrEqual(most);
      expect(kept.at(-1)!.data).toMatchObject({ sample_rate: 1_499 });
    },
  );

  it('refuses data that cannot be serialized, without buffering it', async () => {
    const rtvi = await rtviSession();
    const endless: Record<string, unknown> = {};
    endless.self = endless;
    expect(() => rtvi.send('server-message', endless)).toThrow(TypeError);
    expect(rtvi.send('user-started-speaking')).toBe(true);
    client.ready();
    expect(client.received.map(({ type }) => type)).toEqual(['bot-ready', 'user-started-speaking']);
  });

  it('answers RTVI 1 clients in their version', async () => {
    const rtvi = await rtviSession();
    client.ready('1.4.0');
    rtvi.send('bot-output', { text: 'Hi', aggregated_by: 'sentence', will_be_spoken: true });
    expect(client.received).toMatchObject([
      { type: 'bot-ready', data: { version: '1.4.0' } },
      { type: 'bot-output', data: { text: 'Hi', aggregated_by: 'sentence', spoken: true } },
    ]);
  });

  it('sends RTVI 1 clients each text when it is new and when it was spoken', async () => {
    const rtvi = await rtviSession();
    client.ready('1.4.0');
    const output = { text: 'Hi there', aggregated_by: 'sentence', will_be_spoken: true };
    rtvi.send('bot-output', { ...output, spoken_status: 'new' });
    const spoken_progress = { accumulated_text: 'Hi', remaining_text: 'there' };
    const inProgress = { ...output, spoken_status: 'in-progress', spoken_progress } as const;
    expect(rtvi.send('bot-output', inProgress)).toBe(true);
    rtvi.send('bot-output', { ...output, spoken_status: 'completed' });
    rtvi.send('bot-output', { text: 'Hm', aggregated_by: 'sentence' });
    const outputs = client.received.filter(({ type }) => type === 'bot-output');
    expect(outputs.map(({ data }) => data)).toEqual([
      { text: 'Hi there', aggregated_by: 'sentence', spoken: false },
      { text: 'Hi there', aggregated_by: 'sentence', spoken: true },
      { text: 'Hm', aggregated_by: 'sentence', spoken: false },
    ]);
  });

  it.each([
    [{ version: '3.0.0' }, /RTVI 3\.0\.0 is not RTVI 2\.2\.0/],
    [{ version: 'new' }, /version must be a version such as 2\.2\.0/],
    [{}, /version must be a version/],
  ])(
    'answers an unsupported client with an error-response and bot-ready: %j',
    async (data, message) => {
      await rtviSession();
      client.send('client-ready', data, 'r1');
      expect(client.received).toEqual([
        { type: 'error-response', id: 'r1', data: { error: expect.stringMatching(message) } },
        expect.objectContaining({ type: 'bot-ready', id: 'r1' }),
      ]);
    },
  );
});

describe('RTVI client messages', () => {
  it('are answered with the result of the handler', async () => {
    const rtvi = await rtviSession();
    rtvi.onClientMessage(async ({ type, data }) => ({ got: [type, data] }));
    client.send('client-message', { t: 'price', d: { of: 'tea' } }, 'q1');
    await tick();
    expect(client.received).toEqual([
      {
        type: 'server-response',
        id: 'q1',
        data: { t: 'price', d: { got: ['price', { of: 'tea' }] } },
      },
    ]);
  });

  it('are not answered when the handler returns undefined', async () => {
    const rtvi = await rtviSession();
    rtvi.onClientMessage(() => undefined);
    client.send('client-message', { t: 'note' });
    await tick();
    expect(client.received).toEqual([]);
  });

  it.each([
    ['a thousand', 'x', 1_500, 999],
    ['a megabyte', 'x'.repeat(100_000), 50, 9],
  ])('are refused while %s wait for a handler', async (_, d, sent, most) => {
    const rtvi = await rtviSession();
    client.ready();
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    let asked = 0;
    rtvi.onClientMessage(() => {
      asked++;
      return answered;
    });
    for (let i = 0; i < sent; i++) client.send('client-message', { t: 'ask', d }, `m${i}`);
    expect(asked).toBeGreaterThan(most / 2);
    expect(asked).toBeLessThanOrEqual(most);
    const refused = client.received.filter(({ type }) => type === 'error-response');
    expect(refused).toHaveLength(sent - asked);
    expect(refused.at(-1)).toEqual({
      type: 'error-response',
      id: `m${sent - 1}`,
      data: { error: 'Too many client-messages wait for their answer.' },
    });
    const before = asked;
    answer();
    await tick();
    client.send('client-message', { t: 'ask', d });
    expect(asked).toBe(before + 1);
  });

  it('are taken however large one is, if none waits', async () => {
    const rtvi = await rtviSession();
    client.ready();
    rtvi.onClientMessage(({ data }) => String(data).length);
    client.send('client-message', { t: 'ask', d: 'x'.repeat(2_000_000) });
    await tick();
    expect(client.received.at(-1)).toMatchObject({ data: { d: 2_000_000 } });
  });

  it('are answered with an error-response when the handler throws or is missing', async () => {
    const rtvi = await rtviSession();
    client.send('client-message', { t: 'a' }, 'q1');
    rtvi.onClientMessage(() => Promise.reject(new ClientMessageError('sold out')));
    client.send('client-message', { t: 'b' }, 'q2');
    rtvi.onClientMessage(() => {
      throw new Error('password of the database: 1234');
    });
    client.send('client-message', { t: 'c' }, 'q3');
    await tick();
    expect(client.received).toEqual([
      { type: 'error-response', id: 'q1', data: { error: 'This bot answers no client-message.' } },
      { type: 'error-response', id: 'q3', data: { error: 'The bot could not answer.' } },
      { type: 'error-response', id: 'q2', data: { error: 'sold out' } },
    ]);
  });
});

describe('RTVI input of the user', () => {
  it('is emitted as send-text', async () => {
    const rtvi = await rtviSession();
    const texts: unknown[] = [];
    rtvi.on('send-text', ({ content, options }) => texts.push([content, { ...options }]));
    client.send('send-text', { content: 'Hello' });
    client.send('send-text', { content: 'Psst', options: { audio_response: false } });
    expect(texts).toEqual([
      ['Hello', { run_immediately: true, audio_response: true }],
      ['Psst', { run_immediately: true, audio_response: false }],
    ]);
  });

  it('is emitted as DTMF of the transport', async () => {
    await rtviSession();
    const keys = client.transport.dtmfIn();
    await tick();
    client.send('dtmf', { buttons: ['1', '#'] });
    client.transport.close();
    const pressed: string[] = [];
    for await (const key of keys) pressed.push(key);
    expect(pressed).toEqual(['1', '#']);
  });

  it('closes the connection on disconnect-bot without a listener', async () => {
    const rtvi = await rtviSession();
    let asked = 0;
    const listener = () => void asked++;
    rtvi.on('disconnect-bot', listener);
    client.send('disconnect-bot');
    expect([asked, client.transport.state]).toEqual([1, 'connected']);
    rtvi.off('disconnect-bot', listener);
    client.send('disconnect-bot');
    expect(client.transport.state).toBe('disconnected');
  });
});

describe('malformed RTVI input', () => {
  beforeEach(() => client.ready());

  it.each([
    ['send-text', {}, /content must be a string/],
    ['send-text', { content: 'a', options: 7 }, /options must be an object/],
    ['send-text', { content: 'a', options: { run_immediately: 'yes' } }, /run_immediately/],
    ['client-message', { d: 1 }, /t must be a string/],
    ['client-message', undefined, /t must be a string/],
    ['dtmf', { buttons: [] }, /buttons must be a list/],
    ['dtmf', { buttons: ['55'] }, /buttons must be a list/],
    ['dtmf', { button: '5' }, /buttons must be a list/],
    ['dtmf', { buttons: Array<string>(101).fill('5') }, /at most 100/],
  ])('in %s %j is answered with an error-response', async (type, data, message) => {
    await rtviSession();
    client.send(type, data, 'x1');
    await tick();
    expect(client.received.at(-1)).toEqual({
      type: 'error-response',
      id: 'x1',
      data: { error: expect.stringMatching(message) },
    });
    expect(client.failures).toEqual([]);
  });

  it.each([
    [7, 'a', undefined, /type must be a string/],
    ['send-text', 7, undefined, /id must be a string/],
    ['send-text', 'a', 'text', /data must be an object/],
    ['send-text', 'a', [], /data must be an object/],
  ])(
    'without a valid envelope is answered with an error: type %j, id %j, data %j',
    async (type, id, data, message) => {
      await rtviSession();
      client.send(type, data, id);
      expect(client.received.at(-1)).toEqual({
        type: 'error',
        data: { error: expect.stringMatching(message), fatal: false },
      });
    },
  );

  it.each(['append-to-context', '__proto__', 'x'.repeat(1_000)])(
    'of an unknown type is answered with an error-response',
    async (type) => {
      await rtviSession();
      client.send(type, {}, 'x1');
      expect(client.received.at(-1)).toEqual({
        type: 'error-response',
        id: 'x1',
        data: { error: `Unsupported type ${type.slice(0, 40)}` },
      });
    },
  );

  it.each([null, 7, 'text', [], {}, { label: 'other', type: 7 }, { label: ['rtvi-ai'] }])(
    'without the RTVI label is ignored: %j',
    async (message) => {
      await rtviSession();
      const before = client.received.length;
      client.connection.events.message(message);
      expect(client.received).toHaveLength(before);
      expect(client.failures).toEqual([]);
    },
  );
});

describe('an RTVI listener of the bot', () => {
  const bug = new InvalidFieldsError([{ field: 'db', message: 'row 7 is broken' }]);

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw bug;
      },
    ],
    ['rejects', () => Promise.reject(bug)],
  ])('that %s is reported as the bot’s failure, not to the client', async (_, listener) => {
    const rtvi = await rtviSession();
    rtvi.on('client-ready', listener);
    rtvi.on('send-text', listener);
    rtvi.on('disconnect-bot', listener);
    client.ready();
    client.send('send-text', { content: 'Hello' });
    client.send('disconnect-bot');
    await tick();
    expect(client.failures).toEqual([bug, bug, bug]);
    expect(client.received.map(({ type }) => type)).toEqual(['bot-ready']);
  });
});

describe('an RTVI session on a transport without messages', () => {
  it('sends nothing', async () => {
    const { connection } = client;
    connection.capabilities = { ...connection.capabilities, messages: false };
    const rtvi = await rtviSession();
    expect(rtvi.send('server-message', { a: 1 })).toBe(false);
    expect(client.connection.sent).toEqual([]);
  });
});

describe('RTVI messages without a client', () => {
  it('are buffered up to a limit', async () => {
    const rtvi = await rtviSession();
    for (let i = 0; i < 5_000; i++) rtvi.send('server-message', i);
    client.ready();
    expect(client.received).toHaveLength(1_001);
    expect(client.received.at(-1)).toEqual({ type: 'server-message', data: 4_999 });
  });
});

it('RTVI messages cannot forge a line of the log', async () => {
  const warn = jest.fn();
  const rtvi = await rtviSession({ logger: { warn } });
  rtvi.onClientMessage(() => {
    throw new Error('told to');
  });
  client.send('client-message', { t: 'x\nFAKE\u001b[31m\u2028', d: {} });
  await tick();
  expect(warn.mock.calls).toEqual([["client-message 'x?FAKE?[31m?' failed: Error: told to"]]);
});
