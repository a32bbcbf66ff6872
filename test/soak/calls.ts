import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionEndCode } from '../../src/bot/session-end.js';
import type { Random } from '../faults/random.js';
import { tcpOf } from '../faults/malformed.js';
import { isTone, loudWindows, WINDOW_SECS } from '../scaffolds/tones.js';
import { visit, type Visitor } from '../scaffolds/visitors.js';
import type { FakeDaily } from '../support/fake-daily.js';
import { post } from '../support/runner-app.js';
import { tone } from '../support/sound.js';
import { SoakHost, type SoakSettings } from './soak-host.js';

/** Parts of the soak that a call needs. */
export interface SoakWorld {
  readonly random: Random;
  readonly host: SoakHost;
  readonly settings: SoakSettings;
  readonly daily: FakeDaily;
  /** Resolves when nobody else is with Daily: what it is told to refuse must be asked by the one that expects it. */
  dailyTurn: Promise<unknown>;
}

/** A kind of call: resolves once its session has ended, and rejects with what was wrong. */
export interface SoakCall {
  readonly kind: string;
  readonly end: string;
  /** Number of times that it comes in a round of all. */
  readonly weight: number;
  /** @param tag of the `body` of its session */
  readonly run: (world: SoakWorld, tag: string) => Promise<void>;
}

type VisitedWay = Parameters<typeof visit>[1];

/** End of a call with sound, by who ends it and how. */
interface Ending {
  readonly code: SessionEndCode;
  readonly act?: (visitor: Visitor, stop: () => Promise<unknown>) => unknown;
}

const ENDINGS = {
  'the caller leaves': { code: 'peer_left', act: ({ leave }) => leave() },
  'the caller vanishes': { code: 'peer_left', act: ({ vanish }) => vanish?.() },
  'the connection is reset': {
    code: 'peer_left',
    act: ({ socket }) => tcpOf(socket!).resetAndDestroy(),
  },
  // Nothing gets through any more, not even the end of the connection: missed by its pongs.
  'the network is cut': { code: 'peer_left', act: ({ socket }) => socket!.pause() },
  'it is stopped': { code: 'stopped', act: (_, stop) => stop() },
  'the bot returns': { code: 'completed' },
  'the bot throws': { code: 'failed' },
  'the bot hangs up': { code: 'completed' },
} satisfies Record<string, Ending>;
type EndingName = keyof typeof ENDINGS;

/** Seconds that a caller speaks. */
const SPEAKS_SECS = 1.5;
/** The bots that end a conversation do so in the middle of it, in milliseconds. */
const TALK_MS = 900;
/** The callers' tones: each call has its own, so that nobody hears another's. */
const LOWEST_HZ = 300;
const HIGHEST_HZ = 2_300;
const TONE_STEP_HZ = 100;

/** Share of what was said that must be heard. A busy machine makes gaps in what is sent by datagrams, and Pipecat hears nothing before it has started. */
const LEAST_HEARD: Readonly<Record<string, number>> = { webrtc: 0.5, livekit: 0.4, python: 0.2 };
/** Sound that may be taken for another call's tone, in seconds. */
const MOST_OF_OTHERS_SECS = 0.15;

/** A call with sound. @param runner path of the runner */
const call = (way: VisitedWay, ending: EndingName, weight: number, runner = ''): SoakCall => ({
  kind: runner ? `${way}, bot in ${runner}` : way,
  end: ending,
  weight,
  async run({ host, random }, tag) {
    const hz = LOWEST_HZ + TONE_STEP_HZ * random.below((HIGHEST_HZ - LOWEST_HZ) / TONE_STEP_HZ);
    const { code, act }: Ending = ENDINGS[ending];
    const url = runner ? `${host.url}/${runner}` : host.url;
    const visitor = await visit(url, way, { tag, end: ending, talkMs: TALK_MS });
    try {
      const silence = new Int16Array(1_600);
      await visitor.speak(tone(hz, 8_000, SPEAKS_SECS));
      if (act) {
        await heardTone(LEAST_HEARD[runner] ?? LEAST_HEARD[way] ?? 0.9, hz, visitor, () =>
          visitor.speak(silence),
        );
        await act(visitor, () => stop(url, visitor.sessionId));
      }
      expectEnd(await host.endsOf(tag), code);
    } finally {
      if (visitor.socket) visitor.socket.terminate();
      else await visitor.leave();
    }
  },
});

/** @throws when a session cannot be stopped */
async function stop(url: string, sessionId: string): Promise<void> {
  const answer = await fetch(`${url}/sessions/${sessionId}`, { method: 'DELETE' });
  // Unread, it would keep its connection until it is garbage-collected.
  await answer.arrayBuffer();
  if (answer.status !== 200) throw new Error(`DELETE /sessions/:id answered ${answer.status}`);
}

/** Waits until enough of a tone was heard. @throws when it never is, or when another call's is */
async function heardTone(
  leastShare: number,
  hz: number,
  visitor: Visitor,
  breathe: () => Promise<void>,
): Promise<void> {
  const least = leastShare * SPEAKS_SECS;
  for (let tries = 0; ; tries++) {
    const { pcm, rateHz } = visitor.heard();
    const windows = loudWindows(pcm, rateHz);
    const others = windows.filter((window) => !isTone(window, rateHz, hz));
    for (let other = LOWEST_HZ; other < HIGHEST_HZ; other += TONE_STEP_HZ) {
      const count = others.filter((window) => isTone(window, rateHz, other)).length;
      if (count * WINDOW_SECS <= MOST_OF_OTHERS_SECS) continue;
      throw new Error(`said ${hz} Hz, and heard ${other} Hz of another call`);
    }
    const secs = (windows.length - others.length) * WINDOW_SECS;
    if (secs >= least) return;
    if (tries > 25) throw new Error(`heard ${secs.toFixed(2)} s of ${SPEAKS_SECS} s`);
    await breathe();
  }
}

function expectEnd(codes: readonly SessionEndCode[], expected: SessionEndCode): void {
  if (codes.length === 1 && codes[0] === expected) return;
  throw new Error(`ended [${codes.join(', ')}], not as ${expected}`);
}

/** Announces a session that nobody may join. @returns its id */
async function start(url: string, body: object): Promise<string> {
  const { status, json, sessionId } = await post(`${url}/start`, body);
  if (status === 200) return sessionId;
  throw new Error(`POST /start answered ${status} ${String(json.code)}`);
}

/** A call without sound. */
const other = (kind: string, end: string, weight: number, run: SoakCall['run']): SoakCall => ({
  kind,
  end,
  weight,
  run,
});

/** A second runner, which is told to go while callers talk: those who stay are sent away, and it leaves with 0. */
async function drain({ settings }: SoakWorld): Promise<void> {
  const host = await SoakHost.start({ ...settings, processes: false, python: undefined });
  try {
    const ways = ['websocket', 'twilio', 'plivo'] as const;
    const visitors = await Promise.all(ways.map((way) => visit(host.url, way, { tag: way })));
    await sleep(300);
    host.kill('SIGTERM');
    await sleep(100);
    const { status } = await post(`${host.url}/start`, { transport: 'websocket' });
    if (status !== 503) throw new Error(`a draining runner answered a start with ${status}`);
    await visitors[0]!.leave();
    expectEnd(await host.endsOf('websocket'), 'peer_left');
    for (const way of ['twilio', 'plivo']) expectEnd(await host.endsOf(way), 'draining');
    const exit = await host.exit;
    if (exit !== 0) throw new Error(`a drained runner exited with ${exit}`);
  } finally {
    host.kill('SIGKILL');
  }
}

/** A conversation that is too long, on a runner that takes no other meanwhile. */
async function refused({ host }: SoakWorld, tag: string): Promise<void> {
  const url = `${host.url}/limited`;
  const visitor = await visit(url, 'websocket', { tag });
  const { status, json } = await post(`${url}/start`, {});
  if (status !== 429 || json.code !== 'AT_CAPACITY') throw new Error(`answered ${status}`);
  expectEnd(await host.endsOf(tag), 'too_long');
  visitor.socket!.terminate();
}

/** A client that sends a file, and another one half. */
async function upload({ host }: SoakWorld, tag: string): Promise<void> {
  const visitor = await visit(host.url, 'websocket', { tag });
  const url = `${host.url}/sessions/${visitor.sessionId}/files`;
  const form = new FormData();
  form.append('file', new File([Buffer.alloc(200_000, 1)], 'photo.jpg'));
  const answer = await fetch(url, { method: 'POST', body: form });
  if (answer.status !== 200) throw new Error(`an upload was answered with ${answer.status}`);
  await answer.json();
  const broken = new AbortController();
  const half = new ReadableStream({
    pull: async (controller) => {
      controller.enqueue(
        Buffer.from('--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'),
      );
      await sleep(50);
      broken.abort();
      // Whoever gave it up does not cancel it, and would ask for more for ever.
      await new Promise(() => undefined);
    },
  });
  const headers = { 'content-type': 'multipart/form-data; boundary=x' };
  const init = {
    method: 'POST',
    headers,
    body: half,
    duplex: 'half' as const,
    signal: broken.signal,
  };
  await fetch(url, init).then(
    ({ status }) => Promise.reject(new Error(`half an upload was answered with ${status}`)),
    () => undefined,
  );
  await visitor.leave();
  expectEnd(await host.endsOf(tag), 'peer_left');
}

function daily(world: SoakWorld, tag: string, end: 'stopped' | 'start_failed'): Promise<void> {
  const { host } = world;
  const turn = world.dailyTurn.then(async () => {
    if (end === 'start_failed') world.daily.misbehaviours.push({ status: 400 });
    const request = { transport: 'daily', createDailyRoom: true, body: { tag } };
    const { sessionId, status } = await post(`${host.url}/start`, request);
    if (status === 200) await stop(host.url, sessionId);
    expectEnd(await host.endsOf(tag), end);
  });
  world.dailyTurn = turn.catch(() => undefined);
  return turn;
}

/** Announced, and nobody comes. */
async function noShow({ host }: SoakWorld, tag: string): Promise<void> {
  await start(`${host.url}/limited`, { transport: 'websocket', body: { tag } });
  expectEnd(await host.endsOf(tag), 'expired');
}

const CARRIERS = ['twilio', 'telnyx', 'plivo', 'exotel', 'vonage', 'genesys'] as const;
const BY_THE_BOT = ['the bot returns', 'the bot throws', 'the bot hangs up'] as const;
const BY_THE_CALLER = ['the caller leaves', 'the caller vanishes', 'it is stopped'] as const;

/** All kinds of calls that there can be with these settings. */
export const callsFor = ({ livekit, processes, python }: SoakSettings): SoakCall[] => [
  ...CARRIERS.flatMap((way) => [
    ...[...BY_THE_CALLER, ...BY_THE_BOT].map((end) => call(way, end, 2)),
    call(way, 'the connection is reset', 1),
  ]),
  ...[...BY_THE_CALLER, ...BY_THE_BOT].map((end) => call('websocket', end, 3)),
  call('websocket', 'the connection is reset', 2),
  call('websocket', 'the network is cut', 2),
  ...[...BY_THE_CALLER, ...BY_THE_BOT].map((end) => call('webrtc', end, 2)),
  ...(livekit
    ? (['the caller leaves', 'it is stopped', ...BY_THE_BOT] as const).map((end) =>
        call('livekit', end, 1),
      )
    : []),
  ...(processes
    ? (['websocket', 'twilio'] as const).flatMap((way) =>
        [...BY_THE_CALLER, ...BY_THE_BOT].map((end) => call(way, end, 1, 'node')),
      )
    : []),
  ...(python ? BY_THE_CALLER.map((end) => call('twilio', end, 1, 'python')) : []),
  other('daily', 'it is stopped', 4, (world, tag) => daily(world, tag, 'stopped')),
  other('daily', 'the room is refused', 2, (world, tag) => daily(world, tag, 'start_failed')),
  other('websocket', 'a file is uploaded, and half a file', 4, upload),
  other('a runner that is drained', 'it exits', 1, drain),
];

/** Those of the limited runner, which takes one at a time. */
export const LIMITED: readonly SoakCall[] = [
  other('websocket, limited', 'the session is too long, another is refused', 1, refused),
  other('websocket, limited', 'nobody comes', 1, noShow),
];
