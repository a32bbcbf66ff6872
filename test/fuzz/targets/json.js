import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { request, requestBytes } from '../support/exchange.js';
import { KEYS } from '../support/keys.js';
import { jsonLike } from '../support/mutate.js';

const START = [
  { transport: 'websocket', body: { bot: 'deaf' } },
  { transport: 'twilio', body: { a: [1, 'x', null, { b: true }] } },
  { transport: 'webrtc', enableDefaultIceServers: true, body: {} },
  { createDailyRoom: true, dailyRoomProperties: { start_video_off: true, exp: 1, sip: {} } },
  {
    transport: 'daily',
    dailyRoomProperties: { permissions: { hasPresence: true, canSend: ['audio'] } },
    dailyMeetingTokenProperties: { is_owner: true, user_name: 'x' },
  },
  { transport: 'livekit', body: { room: 'x' } },
];
const DIALIN = [
  { From: '+15550001', To: '+15550002', callId: 'c', callDomain: 'd', sipHeaders: { a: 'b' } },
  { test: 'test' },
];
const LIVEKIT = [
  { event: 'room_finished', room: { name: 'r', sid: 's' }, id: 'e', createdAt: '1' },
  {
    event: 'participant_joined',
    room: { name: 'r' },
    participant: { identity: 'p', kind: 3, attributes: { 'sip.callID': 'c' }, disconnectReason: 1 },
  },
  { event: 'participant_left', room: { name: 'r' }, participant: { identity: 'p' } },
];
const whatsApp = (call) => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: '1',
      changes: [
        {
          field: 'calls',
          value: {
            messaging_product: 'whatsapp',
            metadata: { phone_number_id: '1', display_phone_number: '2' },
            contacts: [{ wa_id: '3', profile: { name: 'x' } }],
            calls: [call],
          },
        },
      ],
    },
  ],
});
const WHATSAPP = [
  whatsApp({ id: 'w', from: '3', to: '2', event: 'terminate', direction: 'USER_INITIATED' }),
  whatsApp({
    id: 'w',
    from: '3',
    to: '2',
    event: 'connect',
    timestamp: '1',
    session: { sdp_type: 'offer', sdp: 'v=0\r\n' },
  }),
];

const base64url = (value) => Buffer.from(value).toString('base64url');

/** Headers with which a body passes for one of its sender's. */
const SIGNATURES = {
  none: () => [],
  daily: (body) => {
    const timestamp = String(Date.now());
    const hmac = createHmac('sha256', Buffer.from(KEYS.daily, 'base64'));
    return [
      ['x-pinless-timestamp', timestamp],
      ['x-pinless-signature', hmac.update(`${timestamp}.`).update(body).digest('base64')],
    ];
  },
  liveKit: (body) => {
    const seconds = Math.floor(Date.now() / 1_000);
    const claims = {
      iss: KEYS.liveKit.apiKey,
      nbf: seconds - 5,
      exp: seconds + 60,
      sha256: createHash('sha256').update(body).digest('base64'),
    };
    const signed = `${base64url('{"alg":"HS256"}')}.${base64url(JSON.stringify(claims))}`;
    const hmac = createHmac('sha256', KEYS.liveKit.apiSecret).update(signed).digest('base64url');
    return [['authorization', `${signed}.${hmac}`]];
  },
  whatsApp: (body) => [
    [
      'x-hub-signature-256',
      `sha256=${createHmac('sha256', KEYS.whatsApp).update(body).digest('hex')}`,
    ],
  ],
};

const to = (method, path, signature, ...templates) =>
  fc.record({
    method: fc.constant(method),
    path: fc.constant(path),
    signature: fc.constantFrom(signature, signature, signature, 'none'),
    body: jsonLike(...templates),
  });

/** The runner's limit. */
const MAX_DEPTH = 200;

/** Values nested deep, behind texts that a reader may take for longer or shorter than they are. */
const deep = fc
  .record({
    before: fc.array(fc.constantFrom('\\', '\\\\', '"', '\\"', '[', ']]', '{}'), { maxLength: 3 }),
    depth: fc.constantFrom(100, 300, 5_000, 50_000),
    brackets: fc.constantFrom(['[', ']'], ['{"a":', '}']),
  })
  .map(({ before, depth, brackets: [open, close] }) => {
    const nested = `${open.repeat(depth)}0${close.repeat(depth)}`;
    return {
      ...{ method: 'POST', path: '/start', signature: 'none', isTooDeep: depth > MAX_DEPTH },
      body: `{"transport":"websocket","body":{"before":${JSON.stringify(before)},"nested":${nested}}}`,
    };
  });

/** JSON to every route that takes it, signed where the route wants that. */
export default {
  name: 'json',
  parsers: [
    'limits/json-limits.js',
    'validation/validate-into.js',
    'start/start.controller.js',
    'transports/daily/dialin.controller.js',
    'transports/livekit/livekit-webhook.controller.js',
    'transports/whatsapp/whatsapp.controller.js',
  ],

  async open(world) {
    return {
      input: fc.oneof(
        { weight: 3, arbitrary: to('POST', '/start', 'none', ...START) },
        deep,
        to('POST', '/daily-dialin-webhook', 'daily', ...DIALIN),
        to('POST', '/livekit-webhook', 'liveKit', ...LIVEKIT),
        to('POST', '/whatsapp', 'whatsApp', ...WHATSAPP),
      ),
      async send({ method, path, signature, body: text, isTooDeep }) {
        const body = Buffer.from(text);
        const headers = [
          ['host', 'localhost'],
          ['content-type', 'application/json'],
          ...SIGNATURES[signature](body),
        ];
        const status = await request(world, requestBytes({ method, path, headers, body }));
        if (isTooDeep && status !== 400) world.report('verdict', `${status} for JSON too deep`);
      },
      async close() {},
    };
  },
};
