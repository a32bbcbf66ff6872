import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { warmUp } from '../support/webrtc-client.js';
import { shareOf } from '../support/matrix.js';
import { PLATFORMS } from '../support/runner-app.js';
import type { Census, SessionReport } from './fault-host.js';
import {
  dailyScenario,
  dialinScenario,
  livekitScenario,
  noShowScenario,
  twinsScenario,
  webrtcScenario,
} from './other-scenarios.js';
import { Random } from './random.js';
import { socketScenario } from './socket-scenario.js';
import { type Outcome, World } from './world.js';

const SEED = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SESSIONS = Number(process.env.FAULTS_SESSIONS ?? 150);
const AT_ONCE = 24;

/** Each with how many of a hundred sessions are of it. */
const MIX: [number, (world: World) => Promise<Outcome>][] = [
  [68, socketScenario],
  [8, dailyScenario],
  [4, dialinScenario],
  [8, livekitScenario],
  [6, noShowScenario],
  [3, twinsScenario],
  [3, webrtcScenario],
];

let world: World;
const folder = mkdtempSync(join(tmpdir(), 'faults-'));
beforeAll(warmUp);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  world = await World.create(new Random(SEED));
});
afterEach(async () => {
  world.host?.kill('SIGKILL');
  await world.host?.exit;
  await world.close();
});

function scenario(random: Random): (world: World) => Promise<Outcome> {
  let left = random.below(100);
  return MIX.find(([share]) => (left -= share) < 0)![1];
}

/** One that hangs is told by its name. */
async function scenarioInTime(world: World): Promise<Outcome> {
  const play = scenario(world.random);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${play.name} hangs`)), 40_000);
  });
  return Promise.race([play(world), late]).finally(() => clearTimeout(timer));
}

/** Has so many sessions happen, some at once. @param onTrouble is given what goes wrong on the side of those who come */
async function run(count: number, onTrouble: (error: unknown) => void): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const worker = async (): Promise<void> => {
    while (count-- > 0) await scenarioInTime(world).then((one) => outcomes.push(one), onTrouble);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return outcomes;
}

/** Returns the differences between expected and actual ends of sessions. */
function wrongIn(
  { ends }: SessionReport,
  outcomes: readonly Outcome[],
  also: readonly string[] = [],
): string[] {
  const left = { ...ends };
  const wrong = outcomes.flatMap(({ tag, what, allowed, optional, upTo = 1 }) => {
    const codes = left[tag] ?? [];
    delete left[tag];
    if (codes.length === 0 && optional) return [];
    const fine =
      codes.length >= 1 &&
      codes.length <= upTo &&
      codes.every((code) => [...allowed, ...also].includes(code));
    return fine ? [] : [`${what}: ended [${codes.join(', ')}], not as ${allowed.join(' or ')}`];
  });
  // Where the runner went away, some who came do not know what became of them.
  const unknown = Object.entries(left).filter(([, codes]) => also.length === 0 || codes.length > 1);
  return [...wrong, ...unknown.map(([tag, codes]) => `${tag}: ended [${codes.join(', ')}]`)];
}

/** Runs a round, and resolves with what the runner holds once all its sessions have ended. */
async function round(count: number): Promise<Omit<Census, 'heapUsed'> & { heapUsed: number }> {
  const troubles: unknown[] = [];
  const outcomes = await run(count, (error) => troubles.push(error));
  expect(troubles).toEqual([]);
  const ends: SessionReport['ends'] = {};
  let opened = 0;
  for (let tries = 0; ; tries++) {
    const report = await world.host.report();
    opened += report.opened;
    for (const [tag, codes] of Object.entries(report.ends)) (ends[tag] ??= []).push(...codes);
    if (report.live === 0 || tries > 200) break;
    await sleep(50);
  }
  expect(wrongIn({ ends, opened, live: 0 }, outcomes)).toEqual([]);
  expect(Object.values(ends).flat().length).toBe(opened);
  return world.host.census();
}

/** The round is over when nothing changes any more: connections that were kept for later time out by themselves. */
async function settled(like?: Census): Promise<Census> {
  let last = await world.host.census();
  for (let tries = 0; tries < 60; tries++) {
    await sleep(200);
    const next = await world.host.census();
    const same = (a: Census, b: Census) => JSON.stringify(heldIn(a)) === JSON.stringify(heldIn(b));
    if (like ? same(next, like) : tries >= 18 && same(next, last)) return next;
    last = next;
  }
  return last;
}

/** Without what is remembered on purpose: calls of the last ten minutes, so that one that is delivered again gets no second bot; kinds of warnings, two at most. */
function heldIn({ heapUsed: _, sessions: __, collections, ...held }: Census): object {
  const inUse = { ...(collections as Record<string, number>) };
  delete inUse['Runner.sessions.fleet.recent.calls'];
  delete inUse['TelephonyGateway.log.kinds'];
  return { ...held, collections: inUse };
}

describe.each(PLATFORMS)(`sessions with random faults on %s (FAULTS_SEED=${SEED})`, (platform) => {
  it('end once each, with a true reason, and leave nothing behind', async () => {
    await world.startHost(platform);
    await round(Math.ceil(SESSIONS * 0.2));
    const first = await settled();
    await round(Math.ceil(SESSIONS * 0.4));
    const second = await settled(first);
    await round(Math.ceil(SESSIONS * 0.4));
    const third = await settled(first);
    expect(heldIn(second)).toEqual(heldIn(first));
    expect(heldIn(third)).toEqual(heldIn(first));
    // The last request of a connection, and so what it was about, is remembered by who kept the connection.
    expect(third.sessions).toBeLessThan(AT_ONCE);
    expect(third.heapUsed).toBeLessThan(second.heapUsed * 1.05);
    expect(
      await new Promise((resolve) => {
        void world.host.exit.then(resolve);
        world.host.kill('SIGTERM');
      }),
    ).toBe(0);
  }, 170_000);

  it.each(shareOf([0, 1, 2, 3], platform, PLATFORMS))(
    'end in order on SIGTERM (%i)',
    async (i) => {
      const random = new Random(SEED + i);
      const lastWords = join(folder, `${platform}-${i}.json`);
      const host = await world.startHost(platform, lastWords);
      const running = run(60, () => undefined);
      await sleep(50 + random.below(800));
      host.kill('SIGTERM');
      const twice = random.chance(0.3);
      if (twice) {
        await sleep(random.below(100));
        host.kill('SIGTERM');
      }
      const exit = await host.exit;
      // So late that it had finished, and nobody listened for signals any more.
      if (twice && exit === 'SIGTERM') return void (await running);
      expect(exit).toBe(0);
      const outcomes = await running;
      const report = JSON.parse(readFileSync(lastWords, 'utf8')) as SessionReport;
      expect(report.live).toBe(0);
      const optional = outcomes.map((outcome) => ({ ...outcome, optional: true }));
      expect(wrongIn(report, optional, ['draining'])).toEqual([]);
      expect(Object.values(report.ends).flat().length).toBe(report.opened);
    },
    30_000,
  );

  it('end when a bot exits the process', async () => {
    const host = await world.startHost(platform);
    const running = run(60, () => undefined);
    await sleep(300);
    void world.start('daily', { bot: 'exits' });
    expect(await host.exit).toBe(7);
    await running;
  });
});
