import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { livekitWebhook } from '../support/livekit-webhook.js';
import { WebRtcClient } from '../support/webrtc-client.js';
import type { Misbehaviour } from '../support/fake-daily.js';
import type { Outcome, World } from './world.js';

/** Bots that need no connection, and what they end with by themselves. */
const BOTS = {
  stays: [],
  hangs: [],
  returns: ['completed'],
  throws: ['failed'],
  rejects: ['failed'],
} as const;
const BOT_NAMES = Object.keys(BOTS) as (keyof typeof BOTS)[];

const DAILY_TROUBLES: readonly (Misbehaviour | undefined)[] = [
  undefined,
  'cut',
  'hang',
  'stall',
  'serve-and-cut',
  { status: 500 },
  { status: 401 },
  { status: 429, headers: { 'retry-after': '0' } },
  { status: 200, body: 'not a room' },
];

/** A room of Daily's, which answers slowly, wrongly or not at all. */
export async function dailyScenario(world: World): Promise<Outcome> {
  const { random, daily } = world;
  const tag = world.newTag();
  const bot = random.pick(BOT_NAMES);
  for (let i = random.below(3); i > 0; i--) {
    const trouble = random.pick(DAILY_TROUBLES);
    if (trouble) daily.misbehaviours.push(trouble);
  }
  daily.latencyMs = random.pick([0, 0, 5, 50]);
  const session = await world.start('daily', { tag, bot }, { createDailyRoom: true });
  if (session) await world.stop(session.sessionId);
  // The trouble that one asked for may have been another's.
  return { tag, what: `daily, ${bot}`, allowed: ['start_failed', 'stopped', ...BOTS[bot]] };
}

/** A phone call that Daily has on hold. */
export async function dialinScenario(world: World): Promise<Outcome> {
  const { random } = world;
  const tag = world.newTag();
  const call = { From: '+15550001', To: '+15550002', callId: tag, callDomain: 'domain' };
  const twice = random.chance(0.3);
  const deliver = () => world.ask('POST', '/daily-dialin-webhook', call);
  const answers = await Promise.all([deliver(), twice ? deliver() : undefined]);
  const ids = new Set(answers.flatMap((answer) => answer?.json.sessionId ?? []));
  await Promise.all([...ids].map((id) => world.stop(id)));
  return {
    tag,
    what: `dial-in${twice ? ', twice' : ''}`,
    allowed: ['start_failed', 'stopped'],
    // A call that could not be answered is tried again.
    upTo: twice ? 2 : 1,
  };
}

/** A room of LiveKit's, whose server does not do as it is told. */
export async function livekitScenario(world: World): Promise<Outcome> {
  const { random, livekitKeys, livekitTroubles } = world;
  const tag = world.newTag();
  const bot = random.pick(BOT_NAMES);
  if (random.chance(0.4)) livekitTroubles.push(random.pick([500, 503, 401, 'hang', 'cut']));
  const session = await world.start('livekit', { tag, bot });
  const ending = random.pick(['the room is finished', 'is stopped']);
  if (session && ending === 'is stopped') await world.stop(session.sessionId);
  if (session && ending !== 'is stopped') {
    const [, payload] = (session.token as string).split('.');
    const { video } = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as {
      video: { room: string };
    };
    const event = { event: 'room_finished', room: { name: video.room } };
    const forged = { ...livekitKeys, apiSecret: 'another-secret-of-more-than-thirty-two' };
    // Whoever does not know the secret ends nothing.
    await livekitWebhook(world.host.url, event, forged).catch(() => undefined);
    await livekitWebhook(world.host.url, event, livekitKeys).catch(() => undefined);
  }
  const end = ending === 'is stopped' ? 'stopped' : 'peer_left';
  return { tag, what: `livekit, ${bot}, ${ending}`, allowed: ['start_failed', end, ...BOTS[bot]] };
}

const HTTP_NONSENSE = [
  'POST /start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"transport":"web',
  'POST /start HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n',
  'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n',
  'GET /st',
];

/** A client that starts a session and never connects, and one that does not speak HTTP. */
export async function noShowScenario(world: World): Promise<Outcome> {
  const { random } = world;
  const tag = world.newTag();
  const transport = random.pick(['websocket', 'twilio', 'webrtc']);
  const tcp = connect(world.host.port, '127.0.0.1').on('error', () => undefined);
  tcp.write(random.pick(HTTP_NONSENSE));
  const session = await world.start(transport, { tag });
  tcp.destroy();
  const stopped = random.chance(0.7);
  if (session && stopped) await world.stop(session.sessionId);
  return {
    tag,
    what: `${transport}, never comes`,
    allowed: [stopped ? 'stopped' : 'expired'],
    optional: !session,
  };
}

/** Two who come for one session. */
export async function twinsScenario(world: World): Promise<Outcome> {
  const tag = world.newTag();
  const session = await world.start('websocket', { tag, bot: 'stays' });
  const codes = await Promise.all(
    [0, 1].map(async () => {
      const socket = new WebSocket((session?.wsUrl as string) ?? `${world.host.url}/ws`);
      socket.on('error', () => undefined);
      const closed = once(socket, 'close').catch(() => [0]) as Promise<[number]>;
      await Promise.race([once(socket, 'open').catch(() => undefined), closed]);
      // The one who came second is told to go.
      setTimeout(() => socket.terminate(), 100);
      return (await closed)[0];
    }),
  );
  if (session && !codes.includes(4003) && !codes.includes(1001)) {
    throw new Error(`both were let in: ${codes.join()}`);
  }
  return { tag, what: 'twins', allowed: ['peer_left'], optional: !session };
}

const TOO_DEEP = '['.repeat(10_000) + ']'.repeat(10_000);

/** A browser's WebRTC. */
export async function webrtcScenario(world: World): Promise<Outcome> {
  const { random } = world;
  const tag = world.newTag();
  const bot = random.pick(['stays', 'echoes', 'hangs', 'returns', 'throws'] as const);
  const ending = random.pick(['leaves', 'vanishes', 'is stopped', 'never connects'] as const);
  const what = `webrtc, ${bot}, ${ending}`;
  const session = await world.start('webrtc', { tag, bot });
  if (!session) return { tag, what, allowed: [], optional: true };
  const own = bot === 'returns' ? 'completed' : bot === 'throws' ? 'failed' : undefined;
  const offerUrl = `${world.host.url}/sessions/${String(session.sessionId)}/api/offer`;
  const client = await WebRtcClient.offer({ offerUrl });
  try {
    if (own || ending === 'never connects') {
      await client.vanish();
      return { tag, what, allowed: [own ?? 'expired'] };
    }
    const there = await Promise.race([
      client.opened().then(
        () => true,
        () => false,
      ),
      world.host.exit.then(() => false),
    ]);
    // On a machine that is busy enough, this client's own WebRTC gives up.
    if (!there) return { tag, what, allowed: ['expired', 'peer_left'] };
    client.ping();
    for (const text of ['', 'no JSON', 'null', '{"type":"signalling"}', TOO_DEEP]) {
      client.channel!.send(text);
    }
    await client.sendPacket(random.bytes(random.below(200)));
    if (ending === 'is stopped') await world.stop(session.sessionId);
    // Whoever was never heard of is missed only by ICE, and that takes half a minute.
    if (ending === 'vanishes') await sleep(50).then(() => client.vanish());
    await client.leave();
    return { tag, what, allowed: [ending === 'is stopped' ? 'stopped' : 'peer_left'] };
  } finally {
    client.ping(false);
    await client.pc.close();
  }
}
