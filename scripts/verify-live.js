// The smallest true round with a provider, for people with an account: `npm run verify:live -- twilio|telnyx|plivo|daily|livekit|whatsapp`.
// Credentials come from the environment. What needs a person is printed as a checklist. docs/compatibility.md has the variables.
import 'reflect-metadata';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  createTransport,
  DailyModule,
  LiveKitModule,
  OutboundCalls,
  RunnerModule,
  SessionEnd,
  SessionRegistry,
  TelephonyModule,
  WhatsAppModule,
} from '../dist/index.js';

const PATIENCE_MS = 30_000;
const CALL_VARIABLES = ['PUBLIC_URL', 'CALL_FROM', 'CALL_TO'];
const CALL_CHECKS = [
  'Start `npx pipecat-runner -t CARRIER -x HOST` where the carrier reaches it, and point a number at it.',
  'Call the number: the echo bot says back what you say, at once and without gaps.',
  'Press keys, talk over the bot, and hang up: the log has the end `peer_left`.',
  'Call again, and DELETE /sessions/:id: the phone is hung up.',
];
const ROOM_CHECKS = [
  'Start `npx pipecat-runner`, open /client/, choose the transport and connect: you hear yourself.',
  'Close the page: the log has the end `peer_left`, and the room is gone.',
];

/** By name: the variables it needs, its module of the environment, the round, and what is left to a person. */
const PROVIDERS = {
  twilio: carrier('twilio', {
    accountSid: 'TWILIO_ACCOUNT_SID',
    authToken: 'TWILIO_AUTH_TOKEN',
  }),
  telnyx: carrier('telnyx', {
    apiKey: 'TELNYX_API_KEY',
    accountSid: 'TELNYX_ACCOUNT_SID',
    applicationId: 'TELNYX_APPLICATION_ID',
  }),
  plivo: carrier('plivo', { authId: 'PLIVO_AUTH_ID', authToken: 'PLIVO_AUTH_TOKEN' }),
  daily: {
    needs: ['DAILY_API_KEY'],
    module: (env) =>
      DailyModule.forRoot({
        apiKey: env.DAILY_API_KEY,
        deleteRoomOnEnd: true,
        ...(env.DAILY_API_URL && { apiUrl: env.DAILY_API_URL }),
      }),
    round: makeDailyRoom,
    checks: [...ROOM_CHECKS, 'Dial in to a number of Daily’s, with its webhook: the bot answers.'],
  },
  livekit: {
    needs: ['LIVEKIT_URL', 'LIVEKIT_API_KEY', 'LIVEKIT_API_SECRET'],
    module: (env) =>
      LiveKitModule.forRoot({
        url: env.LIVEKIT_URL,
        apiKey: env.LIVEKIT_API_KEY,
        apiSecret: env.LIVEKIT_API_SECRET,
        deleteRoomOnEnd: true,
      }),
    round: joinLiveKitRoom,
    checks: [...ROOM_CHECKS, 'Call the SIP trunk, where there is one: the bot answers.'],
  },
  whatsapp: {
    needs: [
      ...['WHATSAPP_TOKEN', 'WHATSAPP_PHONE_NUMBER_ID'],
      ...['WHATSAPP_APP_SECRET', 'WHATSAPP_WEBHOOK_VERIFICATION_TOKEN'],
    ],
    module: (env) =>
      WhatsAppModule.forRoot({
        token: env.WHATSAPP_TOKEN,
        phoneNumberId: env.WHATSAPP_PHONE_NUMBER_ID,
        appSecret: env.WHATSAPP_APP_SECRET,
        verifyToken: env.WHATSAPP_WEBHOOK_VERIFICATION_TOKEN,
        ...(env.WHATSAPP_API_URL && { apiUrl: env.WHATSAPP_API_URL }),
      }),
    round: askWhatsApp,
    checks: [
      'Start `npx pipecat-runner --whatsapp` where Meta reaches it, and subscribe its /whatsapp to the field `calls`.',
      'Call the business number in WhatsApp: the echo bot says back what you say. Hang up: the end is `peer_left`.',
    ],
  },
};

const { env } = process;
const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(PROVIDERS, name));
if (names.length === 0 || unknown.length > 0) {
  console.error(`Usage: npm run verify:live -- ${Object.keys(PROVIDERS).join('|')}`);
  process.exit(2);
}
for (const name of names) await verify(name, PROVIDERS[name]);

async function verify(name, { needs, module, round, checks }) {
  const missing = needs.filter((variable) => !env[variable]);
  if (missing.length > 0) {
    console.log(`${name}: SKIPPED, for want of ${missing.join(', ')}`);
    return;
  }
  const say = (text) => console.log(`${name}: ${withoutSecrets(text)}`);
  let app;
  try {
    app = await NestFactory.create(
      RunnerModule.forRoot({
        // The shortest bot: it is there until its session ends.
        launcher: { useValue: { launch: async (args, session) => stay(name, args, session) } },
        transports: [module(env)],
        ...(env.PUBLIC_URL && { publicUrl: env.PUBLIC_URL }),
      }),
      new FastifyAdapter(),
      {
        abortOnError: false,
        rawBody: true,
        logger: { log() {}, warn() {}, error: (text) => say(`error: ${text}`) },
      },
    );
    await app.listen(0, '127.0.0.1');
    await round({ app, name, url: await app.getUrl(), say });
    console.log(`${name}: PASSED\nLeft to do by hand:`);
    for (const check of checks) console.log(`  [ ] ${check}`);
  } catch (error) {
    say(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  } finally {
    await app?.close();
  }
}

/** Joins where joining is the round: the rooms of LiveKit. */
async function stay(name, args, session) {
  if (name === 'livekit') await createTransport(args);
  session.ready();
  if (!session.signal.aborted) await once(session.signal, 'abort');
}

function carrier(name, variables) {
  return {
    needs: [...Object.values(variables), ...CALL_VARIABLES],
    module: (env) => {
      const account = Object.fromEntries(
        Object.entries(variables).map(([field, variable]) => [field, env[variable]]),
      );
      const apiUrl = env[`${name.toUpperCase()}_API_URL`];
      const credentials = { [name]: { ...account, ...(apiUrl && { apiUrl }) } };
      return TelephonyModule.forRoot({ credentials });
    },
    round: placeCall,
    checks: CALL_CHECKS.map((check) => check.replace('CARRIER', name)),
  };
}

/** Places a call, and cancels it once the carrier has accepted it. */
async function placeCall({ app, name, say }) {
  const calls = app.get(OutboundCalls, { strict: false });
  const call = await calls.dial({ carrier: name, to: env.CALL_TO, from: env.CALL_FROM });
  say('the call was accepted');
  const session = app.get(SessionRegistry, { strict: false }).get(call.id);
  await session?.end(new SessionEnd('stopped', 'verify:live has seen enough'));
  say('the call was cancelled');
}

async function makeDailyRoom({ app, url, say }) {
  const { dailyRoom, dailyToken, sessionId } = await start(url, {
    transport: 'daily',
    createDailyRoom: true,
  });
  if (!dailyRoom || !dailyToken) throw new Error('/start answers neither a room nor a token');
  say('a room and a token were made');
  const room = `${env.DAILY_API_URL ?? 'https://api.daily.co/v1'}/rooms/${new URL(dailyRoom).pathname.slice(1)}`;
  const headers = { authorization: `Bearer ${env.DAILY_API_KEY}` };
  expectStatus(await fetch(room, { headers }), 200, 'the room');
  await endSession(app, sessionId);
  await until(async () => (await fetch(room, { headers })).status === 404, 'end of the room');
  say('the room ended with its session');
}

async function joinLiveKitRoom({ app, url, say }) {
  const { Room, dispose } = await import('@livekit/rtc-node');
  const { RoomServiceClient } = await import('livekit-server-sdk');
  const { LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET } = env;
  const rooms = new RoomServiceClient(LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET);
  const answer = await start(url, { transport: 'livekit' });
  const room = new Room();
  try {
    await room.connect(answer.url, answer.token, { autoSubscribe: true, dynacast: false });
    say('a user joined');
    await until(() => room.remoteParticipants.size > 0, 'bot in the room');
    await until(
      () => sessionOf(app, answer.sessionId)?.state.name === 'running',
      'bot that is ready',
    );
    say('the bot joined');
    await endSession(app, answer.sessionId);
    // As the server sees it: the end of the room may remove the user before the bot is seen to leave.
    await until(async () => {
      const there = await rooms.listParticipants(room.name);
      return there.every(({ identity }) => identity === room.localParticipant.identity);
    }, 'end of the bot');
    say('the bot left when its session ended');
  } finally {
    await room.disconnect();
    await dispose();
  }
}

async function askWhatsApp({ url, say }) {
  const api = env.WHATSAPP_API_URL ?? 'https://graph.facebook.com/v23.0';
  const headers = { authorization: `Bearer ${env.WHATSAPP_TOKEN}` };
  expectStatus(await fetch(`${api}/${env.WHATSAPP_PHONE_NUMBER_ID}`, { headers }), 200, 'Meta');
  say('Meta knows the token and the number');
  const challenge = new globalThis.URLSearchParams({
    'hub.mode': 'subscribe',
    'hub.challenge': '1158201444',
    'hub.verify_token': env.WHATSAPP_WEBHOOK_VERIFICATION_TOKEN,
  });
  const answer = await fetch(`${url}/whatsapp?${challenge}`);
  expectStatus(answer, 200, 'the webhook');
  if ((await answer.text()) !== '1158201444') throw new Error('the webhook answers otherwise');
  say('the webhook answers the challenge');
}

async function start(url, body) {
  const answer = await fetch(`${url}/start`, { method: 'POST', body: JSON.stringify(body) });
  const json = await answer.json();
  if (!answer.ok) throw new Error(`/start answers ${answer.status}: ${json.detail}`);
  return json;
}

function sessionOf(app, id) {
  return app.get(SessionRegistry, { strict: false }).get(id);
}

async function endSession(app, id) {
  const session = sessionOf(app, id);
  if (!session) throw new Error('the session has ended by itself');
  await session.end(new SessionEnd('stopped', 'verify:live has seen enough'));
}

async function until(condition, what) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`no ${what} in ${PATIENCE_MS / 1_000} s`);
    await sleep(100);
  }
}

function expectStatus({ status }, expected, who) {
  if (status !== expected) throw new Error(`${who} answers ${status} instead of ${expected}`);
}

/** Removes the values of variables from what providers and errors say. */
function withoutSecrets(text) {
  const secrets = Object.values(PROVIDERS)
    .flatMap(({ needs }) => needs)
    .map((variable) => env[variable])
    .filter((value) => value?.length > 3);
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), String(text));
}
