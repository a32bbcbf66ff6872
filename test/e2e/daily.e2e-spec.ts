import { createHmac, randomUUID } from 'node:crypto';
import { on, once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  type BotLauncher,
  CallData,
  type CallDecision,
  CallRouter,
  DailyModule,
  type DailyOptions,
  DailyRunnerArguments,
  RunnerArguments,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  SessionEnd,
} from '../../src/index.js';
import { DailyDialinRequest } from '../../src/transports/daily/dto/dialin.dto.js';
import { runnerArgumentsFromJSON } from '../../src/bot.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { ROOM_SCHEMA, TOKEN_SCHEMA, FakeDaily } from '../support/fake-daily.js';
import {
  type Platform,
  PLATFORMS,
  post,
  type RunningApp,
  runnerModule,
  startApp,
} from '../support/runner-app.js';

const SECRET = Buffer.from('a secret of Daily').toString('base64');

let daily: FakeDaily;
let running: RunningApp | undefined;
beforeAll(async () => void (daily = await FakeDaily.start()));
beforeEach(() => daily.reset());
afterEach(async () => {
  daily.always = undefined;
  await running?.app.close();
  running = undefined;
});
afterAll(() => daily.close());

async function start(
  options: DailyOptions & { dialin?: boolean } = {},
  {
    platform = 'fastify',
    bot,
    runner = {},
  }: {
    platform?: Platform;
    bot?: BotLauncher['launch'];
    runner?: RunnerOptions & RunnerModuleExtras;
  } = {},
) {
  const launcher = new RecordingLauncher(bot);
  running = await startApp(platform, [
    runnerModule('forRoot', {
      launcher: { useValue: launcher },
      transports: [DailyModule.forRoot({ apiKey: daily.apiKey, apiUrl: daily.apiUrl, ...options })],
      ...runner,
    }),
  ]);
  const sessions = running.app.get(SessionRegistry, { strict: false });
  return { ...running, launcher, sessions };
}

/** Properties of every room, as Pipecat creates it. */
const ROOM_DEFAULTS = {
  enable_chat: false,
  enable_emoji_reactions: false,
  enable_prejoin_ui: false,
  eject_at_room_exp: true,
};

const secondsFromNow = (seconds: number) => {
  const now = Date.now() / 1_000;
  return {
    asymmetricMatch: (value: unknown) =>
      Number.isInteger(value) && Math.abs((value as number) - now - seconds) < 60,
  };
};

describe.each(PLATFORMS)('Daily on %s', (platform) => {
  it('creates a room and a token, and starts the bot there', async () => {
    const { url, launcher } = await start({}, { platform });
    const { status, json } = await post(`${url}/start`, {
      createDailyRoom: true,
      body: { user: 7 },
    });
    expect(status).toBe(200);
    const [name] = [...daily.rooms.keys()];
    expect(name).toMatch(/^pipecat-[0-9a-f]{8}$/);
    expect(json).toEqual({
      dailyRoom: `https://example.daily.co/${name}`,
      dailyToken: `token-for-${name}`,
      sessionId: expect.any(String),
    });
    expect(daily.bodiesOf('/rooms')).toEqual([
      { name, properties: { ...ROOM_DEFAULTS, exp: secondsFromNow(4 * 3_600) } },
    ]);
    expect(daily.bodiesOf('/meeting-tokens')).toEqual([
      { properties: { room_name: name, is_owner: true, exp: secondsFromNow(2 * 3_600) } },
    ]);
    const { args, session } = await launcher.nextLaunch();
    expect(args).toBeInstanceOf(DailyRunnerArguments);
    expect(args).toMatchObject({
      room_url: json.dailyRoom,
      token: json.dailyToken,
      body: { user: 7 },
      session_id: json.sessionId,
    });
    expect(session.id).toBe(json.sessionId);
  });

  it('redirects a browser from GET /daily to the room', async () => {
    const { url, launcher } = await start({}, { platform });
    const response = await fetch(`${url}/daily`, { redirect: 'manual' });
    expect(response.status).toBe(307);
    const [name] = [...daily.rooms.keys()];
    expect(response.headers.get('location')).toBe(`https://example.daily.co/${name}`);
    expect((await launcher.nextLaunch()).args).toMatchObject({ token: `token-for-${name}` });
  });

  it('answers a phone call', async () => {
    const { url, launcher } = await start({ dialinSecret: SECRET }, { platform });
    const call = {
      From: '+15550001',
      To: '+15550002',
      callId: randomUUID(),
      callDomain: randomUUID(),
      sipHeaders: { 'X-Customer': '7' },
    };
    const { status, json } = await dialIn(url, call);
    expect(status).toBe(200);
    const [name] = [...daily.rooms.keys()];
    expect(name).toMatch(/^pipecat-telephony-[0-9a-f]{8}$/);
    expect(json).toEqual({
      dailyRoom: `https://example.daily.co/${name}`,
      dailyToken: `token-for-${name}`,
      sessionId: expect.any(String),
    });
    expect(daily.bodiesOf('/rooms')[0]!.properties).toEqual({
      ...ROOM_DEFAULTS,
      exp: secondsFromNow(4 * 3_600),
      start_video_off: true,
      sip: { display_name: '+15550001', video: false, sip_mode: 'dial-in', num_endpoints: 1 },
    });
    const { args } = await launcher.nextLaunch();
    expect(args.body).toBeInstanceOf(DailyDialinRequest);
    expect(JSON.parse(JSON.stringify(args.body))).toEqual({
      dialin_settings: {
        call_id: call.callId,
        call_domain: call.callDomain,
        From: '+15550001',
        To: '+15550002',
        sip_headers: { 'X-Customer': '7' },
      },
      daily_api_key: daily.apiKey,
      daily_api_url: daily.apiUrl,
    });
    expect(args.call_data).toEqual(
      new CallData({
        call_id: call.callId,
        from: '+15550001',
        to: '+15550002',
        sip_headers: { 'x-customer': '7' },
      }),
    );
    const travelled = runnerArgumentsFromJSON(JSON.parse(JSON.stringify(args)));
    expect(travelled).toBeInstanceOf(DailyRunnerArguments);
    expect(travelled.call_data).toEqual(args.call_data);
  });
});

/** Delivers a webhook as Daily does, signed. */
function dialIn(
  url: string,
  body: object,
  { secret = SECRET, timestamp = String(Math.floor(Date.now() / 1_000)), sent = body } = {},
) {
  const signature = createHmac('sha256', Buffer.from(secret, 'base64'))
    .update(`${timestamp}.${JSON.stringify(body)}`)
    .digest('base64');
  return post(`${url}/daily-dialin-webhook`, sent, {
    'x-pinless-signature': signature,
    'x-pinless-timestamp': timestamp,
  });
}

const aCall = () => ({
  From: '+15550001',
  To: '+15550002',
  callId: randomUUID(),
  callDomain: randomUUID(),
});

const startRoom = (url: string) => post(`${url}/start`, { createDailyRoom: true });
const ringUp = (url: string) => post(`${url}/daily-dialin-webhook`, aCall());

/** The ways to a room for a session. */
const STARTS = [
  ['a start', startRoom],
  ['a phone call', ringUp],
] as const;

describe('POST /start for Daily', () => {
  it('starts a bot with plain arguments when no room is requested or configured', async () => {
    const { url, launcher } = await start();
    const { json } = await post(`${url}/start`, { transport: 'daily', body: 1 });
    expect(json).toEqual({ sessionId: expect.any(String) });
    const { args } = await launcher.nextLaunch();
    expect(args.constructor).toBe(RunnerArguments);
    expect(args).toMatchObject({ body: 1, session_id: json.sessionId });
    expect(daily.requests).toEqual([]);
  });

  it('uses the configured room, and creates rooms for phone calls only', async () => {
    const roomUrl = 'https://example.daily.co/lobby';
    const { url } = await start({ roomUrl, deleteRoomOnEnd: true });
    const { json } = await post(`${url}/start`, { transport: 'daily' });
    expect(json).toMatchObject({ dailyRoom: roomUrl, dailyToken: 'token-for-lobby' });
    expect(daily.bodiesOf('/rooms')).toEqual([]);
    const phone = await post(`${url}/start`, {
      createDailyRoom: true,
      dailyRoomProperties: { sip: { display_name: 'x', num_endpoints: 2 } },
    });
    expect(phone.json.dailyRoom).toMatch(/\/pipecat-telephony-/);
    await running!.app.close();
    running = undefined;
    expect(daily.requests.filter(({ method }) => method === 'DELETE')).toEqual([
      { method: 'DELETE', path: expect.stringMatching(/pipecat-telephony/), body: {} },
    ]);
  });

  it('passes dial-out settings on to Daily and to the bot', async () => {
    const { url, launcher } = await start();
    const dialout_settings = [{ phoneNumber: '+15550009', callerId: 'id' }];
    const { json } = await post(`${url}/start`, {
      createDailyRoom: true,
      dailyRoomProperties: { enable_dialout: true, exp: Date.now() / 1_000 + 600.5 },
      body: { dialout_settings },
    });
    expect(json.dailyRoom).toMatch(/pipecat-telephony-/);
    expect(daily.bodiesOf('/rooms')[0]!.properties).toEqual({
      ...ROOM_DEFAULTS,
      enable_dialout: true,
      exp: secondsFromNow(600),
    });
    expect((await launcher.nextLaunch()).args.body).toEqual({ dialout_settings });
  });

  it('accepts every property that Daily documents', async () => {
    const sample = (schema: Record<string, unknown>): unknown => {
      if (schema.enum) return (schema.enum as unknown[])[0];
      const type = [schema.type].flat()[0] as string;
      if (type === 'array') return [];
      if (type !== 'object') return { boolean: true, integer: 3, number: 0.5, string: 'x' }[type];
      const properties = (schema.properties ?? {}) as Record<string, Record<string, unknown>>;
      return Object.fromEntries(
        Object.entries(properties).map(([name, inner]) => [name, sample(inner)]),
      );
    };
    const { url } = await start();
    const room = sample(ROOM_SCHEMA.properties.properties as never) as Record<string, unknown>;
    const token = sample(TOKEN_SCHEMA.properties.properties as never) as Record<string, unknown>;
    delete token.room_name;
    const { status } = await post(`${url}/start`, {
      createDailyRoom: true,
      dailyRoomProperties: room,
      dailyMeetingTokenProperties: token,
    });
    expect(status).toBe(200);
    expect(daily.bodiesOf('/rooms')[0]!.properties).toEqual(room);
    expect(daily.bodiesOf('/meeting-tokens')[0]!.properties).toEqual({
      ...token,
      room_name: expect.any(String),
    });
  });

  it('caps what a client asks for by its options', async () => {
    const { url } = await start({
      roomProperties: { enable_dialout: false, max_participants: 2 },
      tokenProperties: { is_owner: false },
      roomTtlMs: 600_000,
      tokenTtlMs: 300_000,
      warmRoomTtlMs: 60_000,
    });
    const never = 4_000_000_000;
    const { json } = await post(`${url}/start`, {
      createDailyRoom: true,
      dailyRoomProperties: { exp: never, enable_dialout: true, max_participants: 9, lang: 'de' },
      dailyMeetingTokenProperties: { exp: never, is_owner: true, user_name: 'Ann' },
    });
    expect(json.dailyRoom).toMatch(/\/pipecat-[0-9a-f]{8}$/);
    expect(daily.bodiesOf('/rooms')[0]!.properties).toEqual({
      ...ROOM_DEFAULTS,
      exp: secondsFromNow(600),
      enable_dialout: false,
      max_participants: 2,
      lang: 'de',
    });
    expect(daily.bodiesOf('/meeting-tokens')[0]!.properties).toEqual({
      room_name: expect.any(String),
      exp: secondsFromNow(300),
      is_owner: false,
      user_name: 'Ann',
    });
  });

  it('lets a client choose other defaults of a room', async () => {
    const { url } = await start();
    const dailyRoomProperties = { enable_prejoin_ui: true, enable_chat: true };
    await post(`${url}/start`, { createDailyRoom: true, dailyRoomProperties });
    expect(daily.bodiesOf('/rooms')[0]!.properties).toMatchObject(dailyRoomProperties);
  });

  it.each([
    ['exp', 'soon', 'time in seconds'],
    ['exp', 1_900_000_000_000, 'not milliseconds'],
    ['enable_chat', 'yes', 'true or false'],
    ['max_participants', 0, 'at least 1'],
    ['lang', 'tlh', 'one of da, de'],
    ['enable_recording', 'vinyl', 'one of cloud'],
    ['sip', [], 'an object'],
    ['sip', { num_endpoints: 'two' }, 'whole number', 'sip.num_endpoints'],
    ['permissions', { canSend: 7 }, 'true, false or a list', 'permissions.canSend'],
    ['streaming_endpoints', [1], 'list of objects'],
  ])('refuses invalid properties, %s: %j', async (name, value, expected, path = name) => {
    const { url, sessions } = await start();
    const { status, json } = await post(`${url}/start`, {
      createDailyRoom: true,
      dailyRoomProperties: { [name]: value },
    });
    expect(status).toBe(422);
    expect(json.errors).toEqual(
      expect.arrayContaining([
        { field: `dailyRoomProperties.${path}`, message: expect.stringContaining(expected) },
      ]),
    );
    expect(daily.requests).toEqual([]);
    expect(sessions.size).toBe(0);
  });

  it('gives no token for another room', async () => {
    const { url } = await start();
    const { status, json } = await post(`${url}/start`, {
      createDailyRoom: true,
      dailyMeetingTokenProperties: { room_name: 'somebody-elses' },
    });
    expect(status).toBe(422);
    expect(json.detail).toContain('dailyMeetingTokenProperties.room_name');
    expect(daily.requests).toEqual([]);
  });

  it('passes unknown properties on, and returns Daily’s refusal', async () => {
    const { url, sessions, launcher } = await start();
    const { status, json } = await post(`${url}/start`, {
      createDailyRoom: true,
      dailyRoomProperties: { brand_new: true },
    });
    expect(status).toBe(502);
    expect(json.code).toBe('PROVIDER_REFUSED');
    expect(json.detail).toContain('Daily answered 400: invalid-request-error');
    expect(json.detail).toContain('brand_new');
    expect(daily.requests).toHaveLength(1);
    expect(sessions.size).toBe(0);
    expect(launcher.launches).toEqual([]);
  });

  it('lists Daily as disabled without an API key, with the fix', async () => {
    const { url } = await start({ apiKey: undefined });
    expect(await (await fetch(`${url}/status`)).json()).toMatchObject({ transports: [] });
    const calls = [
      post(`${url}/start`, { createDailyRoom: true }),
      post(`${url}/daily-dialin-webhook`, aCall()),
    ];
    for (const { status, json } of await Promise.all(calls)) {
      expect(status).toBe(400);
      expect(json.detail).toContain('DAILY_API_KEY');
    }
    expect((await fetch(`${url}/daily`)).status).toBe(400);
  });
});

describe('Daily rooms', () => {
  const ends = (bot: BotLauncher['launch']) => bot;

  it('stay until they expire by default', async () => {
    const { url, sessions, launcher } = await start();
    const { json } = await post(`${url}/start`, { createDailyRoom: true });
    await launcher.nextLaunch();
    await sessions.get(json.sessionId as string)!.end(new SessionEnd('stopped', 'test'));
    expect(daily.rooms.size).toBe(1);
  });

  it.each(STARTS)('of %s are deleted with their session when configured', async (_, begin) => {
    const { url, sessions, launcher } = await start({ deleteRoomOnEnd: true });
    const { json } = await begin(url);
    await launcher.nextLaunch();
    await sessions.get(json.sessionId as string)!.end(new SessionEnd('stopped', 'test'));
    expect(daily.rooms.size).toBe(0);
  });

  it('are deleted on shutdown', async () => {
    const { url } = await start({ deleteRoomOnEnd: true });
    await post(`${url}/start`, { createDailyRoom: true });
    await running!.app.close();
    running = undefined;
    expect(daily.rooms.size).toBe(0);
  });

  it.each([
    ['fails before it is ready', ends(() => Promise.reject(new Error('no microphone')))],
    [
      'throws at once',
      ends(() => {
        throw new Error('no microphone');
      }),
    ],
  ])('are deleted when the bot %s', async (_, bot) => {
    const { url } = await start({}, { bot });
    await post(`${url}/start`, { createDailyRoom: true });
    await daily.untilEmpty();
  });

  it('stay when the bot fails during a session', async () => {
    const { url, launcher } = await start(
      {},
      {
        bot: (_, session) => {
          session.ready();
          return Promise.reject(new Error('no more words'));
        },
      },
    );
    await post(`${url}/start`, { createDailyRoom: true });
    const { session } = await launcher.nextLaunch();
    await (session as unknown as { ended: Promise<unknown> }).ended;
    expect(daily.rooms.size).toBe(1);
  });

  it.each(STARTS)('of %s are deleted when their token cannot be created', async (_, begin) => {
    const { url, sessions } = await start();
    const made = once(daily, 'created').then(() =>
      daily.misbehaviours.push({ status: 403, body: { error: 'forbidden-error' } }),
    );
    const { status, json } = await begin(url);
    await made;
    expect(status).toBe(502);
    expect(json.detail).toBe('Daily answered 403: forbidden-error');
    await daily.untilEmpty();
    expect(sessions.size).toBe(0);
  });

  it.each(STARTS)('of %s are deleted when Daily makes them without a word', async (_, begin) => {
    const { url, sessions } = await start({ timeoutMs: 500 });
    daily.always = 'serve-and-hang';
    const made = once(daily, 'created');
    expect((await begin(url)).status).toBe(504);
    await made;
    await daily.untilEmpty();
    expect(sessions.size).toBe(0);
  });
});

describe('a failing Daily API', () => {
  it.each([
    ['limits the rate', { status: 429, headers: { 'retry-after': '0' } }],
    ['fails for a moment', { status: 503 }],
    ['cuts the connection', 'cut'],
    ['cuts the connection after it did what it should', 'serve-and-cut'],
  ] as const)('is retried when it %s', async (_, misbehaviour) => {
    const { url } = await start();
    daily.misbehaviours.push(misbehaviour);
    const { status, json } = await startRoom(url);
    expect(status).toBe(200);
    expect(daily.rooms.size).toBe(1);
    expect(json.dailyRoom).toBe(`https://example.daily.co/${[...daily.rooms.keys()][0]}`);
  });

  it('is retried after its Retry-After', async () => {
    const { url } = await start();
    daily.misbehaviours.push({ status: 429, headers: { 'retry-after': '1' } });
    const before = performance.now();
    expect((await startRoom(url)).status).toBe(200);
    expect(performance.now() - before).toBeGreaterThan(990);
  });

  it('is not waited for beyond the time-out of a start', async () => {
    const { url, sessions } = await start({ timeoutMs: 600 });
    daily.misbehaviours.push({ status: 429, headers: { 'retry-after': '30' } });
    const { status, headers } = await startRoom(url);
    expect(status).toBe(502);
    expect(headers.get('retry-after')).toBe('30');
    expect(sessions.size).toBe(0);
  });

  it.each([
    ['hangs', 'hang' as const, 504, 'Daily did not answer in time'],
    ['stalls', 'stall' as const, 504, 'Daily did not answer in time'],
    ['redirects', { status: 302, headers: { location: '/v1/rooms' } }, 502, 'Daily answered 302'],
    ['is broken', { status: 500 }, 502, 'Daily answered 500: server-error'],
    ['cuts every connection', 'cut' as const, 502, 'Daily could not be reached'],
  ])('fails a start within its time-out when it %s', async (_, always, expected, detail) => {
    const { url, sessions, launcher } = await start({ timeoutMs: 1_500 });
    daily.always = always;
    const before = performance.now();
    const { status, json } = await startRoom(url);
    expect(performance.now() - before).toBeLessThan(3_000);
    expect(status).toBe(expected);
    expect(json.detail).toContain(detail);
    expect(sessions.size).toBe(0);
    expect(launcher.launches).toEqual([]);
  });

  it('fails a start at once when the connection is refused', async () => {
    const { url, sessions } = await start({ apiUrl: 'http://127.0.0.1:1/v1' });
    const { status, json } = await startRoom(url);
    expect(status).toBe(502);
    expect(json.detail).toMatch(/^Daily could not be reached \(/);
    expect(sessions.size).toBe(0);
  });

  it.each([
    ['no URL of a web page', { url: 'javascript:alert(1)' }],
    ['no URL', { url: 'https://' }],
    ['a URL with another line', { url: 'https://example.daily.co/r\nx' }],
    ['a URL that is in no header', { url: 'https://example.daily.co/r\u202e' }],
    ['a URL of 200 KB', { url: `https://example.daily.co/${'u'.repeat(200_000)}` }],
    ['a name of 200 KB', { name: 'n'.repeat(200_000) }],
    ['no name', { name: '' }],
    ['a name that is no text', { name: { toString: 1 } }],
  ])('is not believed a room with %s', async (_, odd) => {
    const { url, sessions } = await start();
    const body = { name: 'r', url: 'https://example.daily.co/r', ...odd };
    daily.misbehaviours.push({ status: 200, body });
    const { status, json } = await startRoom(url);
    expect([status, json.code]).toEqual([502, 'PROVIDER_REFUSED']);
    expect(json.detail).toBe('Daily answered without a valid name and URL of the room');
    expect(sessions.size).toBe(0);
  });

  it.each(['', 't'.repeat(200_000), 'a\r\nb', 7])('is not believed the token %#', async (token) => {
    const { url, sessions } = await start();
    const made = once(daily, 'created').then(() =>
      daily.misbehaviours.push({ status: 200, body: { token } }),
    );
    const { status, json } = await startRoom(url);
    await made;
    expect([status, json.detail]).toEqual([502, 'Daily answered without a valid token']);
    await daily.untilEmpty();
    expect(sessions.size).toBe(0);
  });

  it('never leaks the API key or phone numbers into answers or logs', async () => {
    const lines: string[] = [];
    const logged = (...parts: unknown[]) => void lines.push(JSON.stringify(parts));
    const { url } = await start();
    Logger.overrideLogger({ log: logged, warn: logged, error: logged });
    try {
      daily.always = {
        status: 400,
        body: { error: 'bad', info: `key ${daily.apiKey} and +15550001234` },
      };
      const { json } = await startRoom(url);
      expect(json.detail).toBe('Daily answered 400: bad: key *** and ***');
      const call = await post(`${url}/daily-dialin-webhook`, aCall());
      daily.always = undefined;
      await post(`${url}/daily-dialin-webhook`, aCall());
      await running!.app.close();
      running = undefined;
      const everything = JSON.stringify([json, call.json]) + lines.join();
      expect(everything).not.toContain(daily.apiKey);
      expect(everything).not.toContain('1555');
      expect(lines.length).toBeGreaterThan(0);
    } finally {
      Logger.overrideLogger(false);
    }
  });

  it('handles a burst of starts without loss and without extra connections', async () => {
    const { url, sessions } = await start();
    daily.keepConnections();
    // All are there at once, however slow the machine is.
    const arrived = on(daily, 'request');
    daily.gate = (async () => {
      for (let i = 0; i < 100; i++) await arrived.next();
      daily.gate = undefined;
    })();
    const before = daily.connections;
    const answers = await Promise.all(Array.from({ length: 100 }, () => startRoom(url)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(new Set(answers.map(({ json }) => json.dailyRoom)).size).toBe(100);
    expect(sessions.size).toBe(100);
    // Two calls each. A second that comes before the connection of any first is free has one of its own; here all may come so.
    const opened = daily.connections - before;
    expect(opened).toBeGreaterThanOrEqual(100);
    expect(opened).toBeLessThanOrEqual(200);
    // There are enough for both calls of half as many, however soon the second of them comes.
    const more = await Promise.all(Array.from({ length: 50 }, () => startRoom(url)));
    expect(more.every(({ status }) => status === 200)).toBe(true);
    expect(daily.connections - before).toBe(opened);
  });
});

describe('POST /daily-dialin-webhook', () => {
  it.each([{ test: 'test' }, { Test: 'test' }, { test: true }])(
    'answers the verification ping %j, signed or not',
    async (ping) => {
      const { url, launcher } = await start({ dialinSecret: SECRET });
      const { status, json } = await post(`${url}/daily-dialin-webhook`, ping);
      expect(status).toBe(200);
      expect(json).toEqual({ status: 'OK' });
      expect(launcher.launches).toEqual([]);
    },
  );

  it.each([
    ['no signature', (url: string) => post(`${url}/daily-dialin-webhook`, aCall())],
    [
      'another secret',
      (url: string) => dialIn(url, aCall(), { secret: Buffer.from('guess').toString('base64') }),
    ],
    ['another body', (url: string) => dialIn(url, aCall(), { sent: aCall() })],
    [
      'an old timestamp',
      (url: string) =>
        dialIn(url, aCall(), { timestamp: String(Math.floor(Date.now() / 1_000) - 400) }),
    ],
    ['a timestamp that is none', (url: string) => dialIn(url, aCall(), { timestamp: 'noon' })],
  ])('refuses %s', async (_, deliver) => {
    const { url, launcher } = await start({ dialinSecret: SECRET });
    const { status, json } = await deliver(url);
    expect(status).toBe(401);
    expect(json.detail).toContain('x-pinless-');
    expect(launcher.launches).toEqual([]);
    expect(daily.requests).toEqual([]);
  });

  it('accepts timestamps in milliseconds', async () => {
    const { url } = await start({ dialinSecret: SECRET });
    expect((await dialIn(url, aCall(), { timestamp: String(Date.now()) })).status).toBe(200);
  });

  it('starts one bot for one call, however often it is delivered (idempotent)', async () => {
    const { url, launcher } = await start();
    daily.latencyMs = 20;
    const call = aCall();
    const answers = await Promise.all([
      post(`${url}/daily-dialin-webhook`, call),
      post(`${url}/daily-dialin-webhook`, call),
    ]);
    const late = await post(`${url}/daily-dialin-webhook`, call);
    expect(answers[1].json).toEqual(answers[0].json);
    expect(late.json).toEqual(answers[0].json);
    expect(launcher.launches).toHaveLength(1);
    expect(daily.rooms.size).toBe(1);
  });

  it('retries a call that failed', async () => {
    const { url, launcher, sessions } = await start();
    const call = aCall();
    daily.misbehaviours.push({ status: 400, body: { error: 'no' } });
    expect((await post(`${url}/daily-dialin-webhook`, call)).status).toBe(502);
    expect(sessions.size).toBe(0);
    expect((await post(`${url}/daily-dialin-webhook`, call)).status).toBe(200);
    expect(launcher.launches).toHaveLength(1);
  });

  it.each([
    ['null', { From: null, To: null }],
    ['missing', { From: undefined, To: undefined }],
    ['empty', { From: '', To: '' }],
  ])('answers a call whose numbers are %s', async (_, withheld) => {
    const { url, launcher } = await start({ roomProperties: { lang: 'de' } });
    const { status } = await post(`${url}/daily-dialin-webhook`, { ...aCall(), ...withheld });
    expect(status).toBe(200);
    expect(daily.bodiesOf('/rooms')[0]!.properties).toMatchObject({
      lang: 'de',
      sip: { display_name: 'Phone' },
    });
    const { args } = await launcher.nextLaunch();
    expect([args.call_data!.from, args.call_data!.to]).toEqual([undefined, undefined]);
    const { dialin_settings } = JSON.parse(JSON.stringify(args.body)) as Record<string, object>;
    expect(Object.keys(dialin_settings!)).toEqual(['call_id', 'call_domain']);
  });

  it.each([
    ['callId', { callId: undefined }],
    ['From', { From: 7 }],
    ['sipHeaders.X', { sipHeaders: { X: 1 } }],
  ])('refuses a call without a valid %s', async (field, wrong) => {
    const { url } = await start();
    const { status, json } = await post(`${url}/daily-dialin-webhook`, { ...aCall(), ...wrong });
    expect(status).toBe(422);
    expect(json.detail).toContain(field);
    expect(daily.requests).toEqual([]);
  });

  it('asks the call router before it creates a room', async () => {
    class Router extends CallRouter {
      readonly asked: unknown[] = [];
      route(call: Parameters<CallRouter['route']>[0]): CallDecision {
        this.asked.push(call);
        return call.to === '+15550002'
          ? {
              bot: 'sales',
              body: { tenant: 'acme', daily_api_key: 'not mine' },
              principal: { claims: { plan: 'gold' } },
            }
          : { refuse: 'rejected' };
      }
    }
    const callRouter = new Router();
    const { url, launcher } = await start({}, { runner: { callRouter: { useValue: callRouter } } });
    const call = aCall();
    expect((await post(`${url}/daily-dialin-webhook?line=7`, call)).status).toBe(200);
    expect(callRouter.asked).toEqual([
      {
        transport: 'daily',
        stage: 'webhook',
        from: '+15550001',
        to: '+15550002',
        callId: call.callId,
        fields: expect.objectContaining({ callDomain: call.callDomain }),
        query: { line: '7' },
        signal: expect.any(AbortSignal),
      },
    ]);
    const { args, session } = await launcher.nextLaunch();
    expect(session).toMatchObject({ bot: 'sales', claims: { plan: 'gold' } });
    // Beside what Pipecat's bots look for there.
    expect(args.body).toBeInstanceOf(DailyDialinRequest);
    expect(args.body).toMatchObject({
      tenant: 'acme',
      daily_api_key: daily.apiKey,
      dialin_settings: { call_id: call.callId },
    });
    const refused = await post(`${url}/daily-dialin-webhook`, { ...aCall(), To: '+15550003' });
    expect([refused.status, refused.json.code]).toEqual([403, 'CALL_REFUSED']);
    expect(daily.rooms.size).toBe(1);
  });

  it('answers 429 at maxSessions, and creates no room', async () => {
    const { url } = await start({}, { runner: { maxSessions: 1 } });
    await post(`${url}/daily-dialin-webhook`, aCall());
    const { status } = await post(`${url}/daily-dialin-webhook`, aCall());
    expect(status).toBe(429);
    expect(daily.rooms.size).toBe(1);
  });

  it('is absent with dialin: false', async () => {
    const { url } = await start({ dialin: false });
    expect((await post(`${url}/daily-dialin-webhook`, aCall())).status).toBe(404);
  });
});

describe('Daily’s warm room pool', () => {
  it('is ready before a call, and refilled after it', async () => {
    const { url, launcher } = await start({ warmRooms: 2 });
    await daily.untilRooms(2);
    while (daily.bodiesOf('/meeting-tokens').length < 2) await once(daily, 'request');
    const warm = [...daily.rooms.keys()];
    // Whatever comes to Daily now is too late for the call.
    const { json } = await post(`${url}/daily-dialin-webhook`, aCall());
    expect(json.dailyRoom).toBe(`https://example.daily.co/${warm[0]}`);
    expect((await launcher.nextLaunch()).args).toMatchObject({ token: `token-for-${warm[0]}` });
    await daily.untilRooms(3);
  });

  it('is not waited for while Daily is unavailable', async () => {
    daily.always = { status: 500 };
    const { url } = await start({ warmRooms: 1, timeoutMs: 2_000 });
    expect((await post(`${url}/daily-dialin-webhook`, aCall())).status).toBe(502);
  });

  it('is renewed before its rooms expire', async () => {
    await start({ warmRooms: 1, warmRoomTtlMs: 100 });
    await daily.untilRooms(1);
    const [first] = [...daily.rooms.keys()];
    const [deleted] = (await once(daily, 'deleted')) as [string];
    expect(deleted).toBe(first);
    await daily.untilRooms(1);
  });

  it('is deleted on shutdown', async () => {
    await start({ warmRooms: 2 });
    await daily.untilRooms(1);
    await running!.app.close();
    running = undefined;
    expect(daily.rooms.size).toBe(0);
  });
});

describe('Daily options', () => {
  it.each([
    [{ apiUrl: 'ftp://x' }, 'apiUrl must be an http(s):// URL'],
    [{ roomUrl: 'https://example.daily.co/' }, 'roomUrl must name a room'],
    [{ dialinSecret: 'not base64!' }, 'dialinSecret must be the base64 text'],
    [{ warmRooms: 1_000 }, 'warmRooms must be'],
    [{ warmRoomTtlMs: 8_000_000 }, 'warmRoomTtlMs must be less'],
  ])('refuse %j', async (options, message) => {
    await expect(start(options)).rejects.toThrow(message);
  });
});
