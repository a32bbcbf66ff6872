import fc from 'fast-check';
import { jsonLike } from '../support/mutate.js';
import { RawSocket, botQuery, readAll, sendMessages } from '../support/socket.js';
import { start } from '../support/start.js';

const { BUILT_IN } = await import('../../../dist/transports/telephony/carriers/index.js');

const facts = (dialect) => ({
  ...dialect.newIds(),
  streamId: 's1',
  callId: 'c1',
  from: '+15550001',
  to: '+15550002',
  customParameters: { a: 'b' },
});
const COUNTS = { sent: 1, received: 1, spokenMs: 20 };
const PAYLOAD = Buffer.alloc(160, 0x55).toString('base64');

/** Messages of a carrier that others do not have, and forms of its handshake. */
const MORE = {
  telnyx: ['PCMU', 'PCMA', 'G722', 'L16', 'OPUS'].map((encoding) => ({
    event: 'start',
    stream_id: 's1',
    start: {
      call_control_id: 'c1',
      from: '+1',
      to: '+2',
      media_format: { encoding, sample_rate: encoding === 'L16' ? 16_000 : 8_000, channels: 1 },
      custom_parameters: { a: 'b' },
    },
  })),
  plivo: [
    {
      event: 'start',
      start: {
        streamId: 's1',
        callId: 'c1',
        accountId: 'a',
        mediaFormat: { encoding: 'audio/x-l16', sampleRate: 16_000 },
      },
      extra_headers: '{"a":"b"}',
    },
    { event: 'start', start: { streamId: 's1', callId: 'c1' }, extra_headers: 'X-PH-a=b;c=d' },
    { event: 'playedStream', name: 'm', streamId: 's1' },
    { event: 'clearedAudio', streamId: 's1' },
  ],
  vonage: [
    { event: 'websocket:notify', payload: { mark: 'm' } },
    { event: 'websocket:media:update', active: false },
    { event: 'websocket:disconnected' },
    { event: 'websocket:cleared' },
  ],
  genesys: [
    'ping',
    'pause',
    'paused',
    'resumed',
    'update',
    'discarded',
    'error',
    'playback_started',
  ].map((type) => ({
    version: '2',
    id: 's1',
    type,
    seq: 2,
    serverseq: 1,
    position: 'PT1S',
    parameters: { code: 1 },
  })),
};

/** Valid messages of a carrier: those that begin a call, and those that may follow. */
function messagesOf({ name, dialect }) {
  const call = facts(dialect);
  const stamp = (message) => dialect.stamp?.(message, call, COUNTS) ?? message;
  const more = MORE[name] ?? [];
  const isStart = (message) => message.event === 'start';
  return {
    handshake: dialect.handshake(call).map(stamp),
    starts: [...dialect.handshake(call).slice(-1), ...more.filter(isStart)].map(stamp),
    later: [
      dialect.media?.(call, PAYLOAD, 0, 0),
      dialect.media?.(call, PAYLOAD, 7, 3),
      dialect.media?.(call, PAYLOAD, 2_000_000_000, 1_999_999_999),
      dialect.dtmf(call, '5', 1),
      dialect.played?.(call, '{"mark":"m"}', 2),
      dialect.cleared?.(call, 3),
      dialect.stop?.(call),
      ...more.filter((message) => !isStart(message)),
    ]
      .filter(Boolean)
      .map(stamp),
  };
}

const ofCarrier = (carrier) => {
  const { handshake, starts, later } = messagesOf(carrier);
  const texts = handshake.map((message) => JSON.stringify(message));
  return fc.record({
    /** Calls need the token of a session, since the runner verifies webhooks. */
    announced: fc.oneof(
      { weight: 8, arbitrary: fc.constant(carrier.name) },
      fc.constantFrom('twilio', undefined),
    ),
    begin: fc.oneof(
      { weight: 3, arbitrary: fc.constant(texts) },
      jsonLike(...starts).map((start) => [...texts.slice(0, -1), start]),
      fc.array(jsonLike(...handshake, ...starts), { maxLength: 3 }),
    ),
    messages: fc.array(
      fc.oneof(
        { weight: 6, arbitrary: jsonLike(...later) },
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) },
        { weight: 1, arbitrary: fc.constantFrom('', Buffer.alloc(0), Buffer.alloc(320, 1)) },
      ),
      { maxLength: 12 },
    ),
    times: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, fc.constantFrom(20, 500, 100_000)),
    bot: fc.constantFrom('attentive', 'attentive', 'inattentive', 'deaf'),
    /** Milliseconds between the handshake and the rest. */
    pauseMs: fc.constantFrom(0, 0, 5),
  });
};

const EVAL = [
  { label: 'rtvi-ai', type: 'client-message', id: '1', data: { t: 'eval-connect', d: {} } },
];
const EVAL_LATER = [
  {
    label: 'rtvi-ai',
    type: 'raw-audio',
    id: '2',
    data: { base64Audio: 'AAAA', sampleRate: 16_000, numChannels: 1 },
  },
  { label: 'rtvi-ai', type: 'client-message', id: '3', data: { t: 'eval-context', d: {} } },
];
const ofEvals = fc.record({
  announced: fc.constant(undefined),
  begin: jsonLike(...EVAL).map((one) => [one]),
  messages: fc.array(jsonLike(...EVAL_LATER), { maxLength: 6 }),
  times: fc.constant(1),
  bot: fc.constant('attentive'),
  pauseMs: fc.constant(0),
});

/** The media WebSocket of each carrier: its handshake and messages. */
export default {
  name: 'carriers',
  parsers: [
    'transports/telephony/parse-telephony-websocket.js',
    'transports/telephony/carriers/json-carrier.serializer.js',
    'transports/telephony/carriers/twilio/twilio.carrier.js',
    'transports/telephony/carriers/telnyx/telnyx.serializer.js',
    'transports/telephony/carriers/telnyx/reorder-buffer.js',
    'transports/telephony/carriers/plivo/plivo.serializer.js',
    'transports/telephony/carriers/plivo/plivo-extra-headers.js',
    'transports/telephony/carriers/vonage/vonage.carrier.js',
    'transports/telephony/carriers/vonage/vonage.serializer.js',
    'transports/telephony/carriers/genesys/genesys.serializer.js',
    'transports/telephony/carriers/genesys/genesys.responder.js',
    'media/serializers/json-message.js',
    'media/serializers/eval.serializer.js',
  ],

  async open(world) {
    return {
      input: fc.oneof(...BUILT_IN.all.map(ofCarrier), ofEvals),
      async send({ announced, begin, messages, times, bot, pauseMs }) {
        const path = announced
          ? new URL((await start(world, announced, { bot })).wsUrl).pathname
          : `/ws${botQuery(bot)}`;
        const raw = new RawSocket(world);
        await raw.upgrade(path);
        await sendMessages(raw, begin);
        if (pauseMs > 0) await readAll(raw, 50);
        const bytes = messages.reduce((sum, { length }) => sum + length + 6, 0);
        const most = Math.min(times, Math.max(1, Math.floor(2_000_000 / (bytes + 1))));
        const watched = bytes * most > 500_000 ? await world.watchMemory() : undefined;
        await sendMessages(raw, Array.from({ length: most }, () => messages).flat());
        await readAll(raw);
        await watched?.(bytes * most);
        raw.destroy();
      },
      async close() {},
    };
  },
};
