import { once } from 'node:events';
import { request } from 'node:http';
import { WebSocket } from 'ws';
import type { SessionEndCode } from '../../src/bot/session-end.js';
import { dialectOf } from '../../src/testing/place-call.js';
import { BUILT_IN, type CarrierName } from '../../src/transports/telephony/carriers/index.js';
import { ProtobufSerializer } from '../../src/media/serializers/protobuf.serializer.js';
import { breach, malformedMessage, tcpOf } from './malformed.js';
import type { Outcome, World } from './world.js';

/** End codes of the bots; `undefined` for bots that stay. */
const BOTS: Record<string, SessionEndCode | undefined> = {
  stays: undefined,
  echoes: undefined,
  talks: undefined,
  hangs: undefined,
  returns: 'completed',
  'returns early': 'completed',
  throws: 'failed',
  rejects: 'failed',
  'is never ready': 'not_ready',
  'throws while listening': 'failed',
  'hangs up': 'completed',
  closes: 'completed',
  terminates: 'completed',
  'stops reading': undefined,
};
/** Ways in which a caller ends a session, with the end codes. */
const ENDINGS: Record<string, SessionEndCode> = {
  leaves: 'peer_left',
  vanishes: 'peer_left',
  'is cut off': 'peer_left',
  'breaks the rules': 'peer_error',
  'is stopped': 'stopped',
};
const PATHS = ['/hang', '/throw', '/nothing', '/stream', '/read', '/unknown'];
const TRANSPORTS = ['websocket', 'websocket', ...BUILT_IN.names];
const wire = new ProtobufSerializer(16_000);

/** Somebody who comes by WebSocket, a client or a carrier, says this and that, and goes in one way or another. */
export async function socketScenario(world: World): Promise<Outcome> {
  const { random } = world;
  const transport = random.pick(TRANSPORTS);
  const carrier = transport === 'websocket' ? undefined : (transport as CarrierName);
  const tag = world.newTag();
  let bot = random.pick(Object.keys(BOTS));
  let ending = random.pick(Object.keys(ENDINGS));
  const handshake =
    carrier && random.chance(0.15) ? random.pick(['silent', 'nonsense', 'cut']) : 'good';
  // A bot that does not listen does not notice that somebody leaves.
  if (bot === 'stops reading') ending = 'is stopped';
  const slow = bot === 'talks' && handshake === 'good' && random.chance(0.5);
  const mute = !slow && ending === 'leaves' && random.chance(0.1) && carrier === undefined;
  if (mute) bot = 'stays';
  const announced = ending === 'is stopped' || random.chance(0.6);

  const body = { tag, bot };
  const session = announced ? await world.start(transport, body) : undefined;
  const what = [
    transport,
    announced ? 'announced' : 'unannounced',
    bot,
    handshake,
    ending,
    slow && 'slow',
    mute && 'mute',
  ]
    .filter(Boolean)
    .join(', ');
  if (announced && !session) return { tag, what, allowed: [], optional: true };
  const query = Buffer.from(JSON.stringify(body)).toString('base64url');
  const path = carrier ? '/ws' : '/ws-client';
  const url = session
    ? (session.wsUrl as string)
    : `${world.host.url.replace('http', 'ws')}${path}?body=${query}`;

  const allowed = new Set<SessionEndCode>();
  if (handshake === 'good') {
    const own = BOTS[bot];
    if (own) allowed.add(own);
    if (slow) allowed.add('peer_error').add('peer_left');
  } else allowed.add('peer_error');
  if (handshake !== 'silent') allowed.add(ENDINGS[ending]!);
  const outcome: Outcome = { tag, what, allowed: [...allowed] };

  const socket = new WebSocket(url, { autoPong: !mute }).on('error', () => undefined);
  const closed = once(socket, 'close').catch(() => undefined);
  await Promise.race([once(socket, 'open').catch(() => undefined), closed]);
  socket.on('message', () => undefined);
  const send = (data: string | Buffer): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(data);
  };
  if (slow) socket.pause();
  if (carrier && handshake === 'good') shakeHands(carrier, send);
  if (handshake === 'nonsense') for (let i = 0; i < 2; i++) send(malformedMessage(carrier, random));
  if (handshake === 'cut') {
    allowed.add('peer_left');
    socket.terminate();
  }
  if (handshake === 'good') {
    for (let i = random.below(12); i > 0; i--) {
      send(random.chance(0.3) ? malformedMessage(carrier, random) : sound(carrier, i));
      if (random.chance(0.2)) await new Promise((resolve) => setImmediate(resolve));
    }
    if (session && random.chance(0.2)) await askBot(world, session.sessionId as string);
  }
  await end();
  return { ...outcome, allowed: [...allowed] };

  async function end(): Promise<void> {
    if (handshake === 'silent' || mute) return void (await closed);
    if (bot === 'throws while listening' && random.chance(0.5)) send(sound(carrier, 0));
    if (socket.readyState === WebSocket.OPEN) {
      if (slow) await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 200))]);
      if (ending === 'leaves') socket.close(1000);
      else if (ending === 'vanishes') socket.terminate();
      else if (ending === 'is cut off') tcpOf(socket).resetAndDestroy();
      else if (ending === 'breaks the rules') breach(socket, random);
    }
    if (ending === 'is stopped') await world.stop(session!.sessionId);
    socket.resume();
    await closed;
  }
}

function shakeHands(carrier: CarrierName, send: (data: string) => void): void {
  const dialect = dialectOf(carrier);
  const facts = { ...dialect.newIds(), from: '+15550001', to: '+15550002', customParameters: {} };
  const counts = { sent: 0, received: 0, spokenMs: 0 };
  for (const message of dialect.handshake(facts)) {
    send(JSON.stringify(dialect.stamp?.(message, facts, counts) ?? message));
  }
}

function sound(carrier: CarrierName | undefined, sequence: number): string | Buffer {
  if (!carrier) return wire.audio(new Int16Array(320));
  const dialect = dialectOf(carrier);
  const facts = { ...dialect.newIds(), from: undefined, to: undefined, customParameters: {} };
  const bytes = Buffer.alloc(dialect.encoding === 'mulaw' ? 160 : 320);
  const media = dialect.media?.(facts, bytes.toString('base64'), sequence, sequence);
  return media ? JSON.stringify(media) : bytes;
}

/** Asks a bot something, and may not wait for the answer, nor say it all. */
async function askBot(world: World, sessionId: string): Promise<void> {
  const { random } = world;
  const path = random.pick(PATHS);
  const asked = request(`${world.host.url}/sessions/${sessionId}${path}`, {
    method: 'POST',
    agent: false,
    headers: { 'content-length': '1000' },
  });
  asked.on('error', () => undefined);
  asked.on('response', (response) => response.on('error', () => undefined).resume());
  asked.write(Buffer.alloc(random.chance(0.5) ? 1_000 : 500));
  const patience = random.pick([0, 20, 100]);
  await new Promise((resolve) => setTimeout(resolve, patience));
  asked.destroy();
}
