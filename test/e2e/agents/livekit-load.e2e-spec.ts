import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { type AgentBody, AgentHost } from '../../support/agents/agent-host.js';
import type { Caller } from '../../support/agents/caller.js';
import { FakeOpenAi } from '../../support/fake-openai.js';
import { describeWith } from '../../support/needs.js';
import { found, tone } from '../../support/sound.js';
import { spoken } from '../../support/spoken.js';

jest.setTimeout(120_000);

const WEATHER = 'What is the weather in Paris?';
const ANSWER = 'It is 22 degrees in Paris.';
const TALE = 'Once upon a time there was a miller who had three sons and one small donkey.';
const SESSIONS = 50;
const AT_ONCE = 5;
const CALLS = 10;
/** Of each call. */
const CLICKS = 5;

function quantiles(values: number[]): { median: number; p95: number } {
  values.sort((a, b) => a - b);
  const at = (share: number) => values[Math.floor(values.length * share)]!;
  return { median: at(0.5), p95: at(0.95) };
}

describeWith('espeak-ng')("agents of LiveKit's library", () => {
  let openai: FakeOpenAi;
  let host: AgentHost | undefined;

  beforeAll(async () => {
    openai = await FakeOpenAi.start();
    await openai.sentences.learn(WEATHER);
    openai
      .when({ user: WEATHER }, { call: 'get_weather', with: { city: 'Paris' } })
      .when({ tool: 'get_weather' }, { say: (result) => `It is ${JSON.parse(result)}.` });
  });
  afterEach(async () => {
    const exitMs = await host?.close();
    host = undefined;
    expect(exitMs).toBeLessThan(2_000);
    expect(openai.problems.splice(0)).toEqual([]);
  });
  afterAll(() => openai?.close());

  /**
   * A call that ends once the bot was heard. @param meanwhile what the caller does before they leave
   * @returns the milliseconds between the engine's first frame and the caller's
   */
  async function shortCall(
    on: AgentHost,
    body: AgentBody = {},
    meanwhile?: (caller: Caller) => Promise<void>,
  ): Promise<number> {
    const caller = await on.call({ greeting: 'Hello, how can I help?', ...body });
    const { atMs } = await on.next(
      ({ session, firstFrame }) => session === caller.session && firstFrame,
    );
    await caller.hears(200);
    await meanwhile?.(caller);
    await caller.leave();
    expect(await on.end(caller)).toMatchObject({ ended: 'peer_left' });
    return caller.firstHeardMs - atMs!;
  }

  /** A click of the caller's. @returns the milliseconds until the engine is given it */
  async function click(on: AgentHost, caller: Caller): Promise<number> {
    // No two meet, and they are no speech.
    await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 20));
    const sentMs = Date.now();
    void caller.peer.speak(tone(400, 8_000, 0.02), { pace: 'asap' });
    const { atMs } = await on.next((event) => event.session === caller.session && event.click);
    return atMs! - sentMs;
  }

  it(`leave nothing behind after ${SESSIONS} calls, and are heard without delay`, async () => {
    const running = (host = await AgentHost.start(openai));
    const addedMs: number[] = [];
    const calls = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) addedMs.push(await shortCall(running));
    };
    const many = (count: number) =>
      Promise.all(Array.from({ length: AT_ONCE }, () => calls(count / AT_ONCE)));
    await many(2 * AT_ONCE);
    const { census: before } = await running.ask('census');
    addedMs.length = 0;
    await many(SESSIONS);
    // The services close what they have opened, in their own time.
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    const { census: after } = await running.ask('census');
    const { median, p95 } = quantiles(addedMs);
    const grownKb = (after!.heapUsed - before!.heapUsed) / 1_024;
    console.log(
      `from the engine's first frame to the caller: median ${median} ms, p95 ${p95} ms; ` +
        `heap ${Math.round(grownKb)} KB in ${SESSIONS} calls\n` +
        JSON.stringify([before, after].map((one) => [one!.timers, one!.sessions])),
    );
    // The engine holds some of the last for a while, and no more of more calls.
    expect(after!.sessions).toBeLessThanOrEqual(AT_ONCE);
    expect(after!.listeners).toEqual(before!.listeners);
    expect(Object.keys(after!.timers).length).toBeLessThanOrEqual(
      Object.keys(before!.timers).length,
    );
    expect(grownKb).toBeLessThan(60 * SESSIONS);
    expect(p95).toBeLessThan(100);
  });

  it('are silent soon after an interruption that may turn out to be none', async () => {
    host = await AgentHost.start(openai);
    const caller = await host.call({ greeting: TALE });
    await caller.hears(1_000);
    void caller.say('Please stop talking to me now.');
    const { atMs } = await host.next(
      ({ state, atMs: then }) => state === 'listening' && then! > caller.firstHeardMs,
    );
    const silentMs = (await caller.silence(400)) - atMs!;
    console.log(`silence ${silentMs} ms after the engine's pause`);
    expect(silentMs).toBeLessThan(300);
    await caller.leave();
    await host.end(caller);
  });

  it('are told what a caller says, and are heard, without delay', async () => {
    const running = (host = await AgentHost.start(openai));
    await shortCall(running);
    const [inMs, outMs]: [number[], number[]] = [[], []];
    for (let i = 0; i < CALLS; i++) {
      const added = await shortCall(running, { clicks: true }, async (caller) => {
        for (let j = 0; j < CLICKS; j++) inMs.push(await click(running, caller));
      });
      outMs.push(added);
    }
    const [toEngine, toCaller] = [quantiles(inMs), quantiles(outMs)];
    console.log(
      `from the caller to the engine: median ${toEngine.median} ms, p95 ${toEngine.p95} ms; ` +
        `from the engine's first frame to the caller: median ${toCaller.median} ms, p95 ${toCaller.p95} ms`,
    );
    // Others who use the machine delay some, but not half of it.
    expect(toEngine.median + toCaller.median).toBeLessThan(30);
  });

  it.each([
    ['run in processes of their own', { inProcesses: true }],
    ['share the process where the bot requires the library', { commonJs: true }],
  ])('%s', async (_, settings) => {
    host = await AgentHost.start(openai, settings);
    const caller = await host.call({ greeting: 'Hello!' });
    await caller.hears(300);
    await caller.silence(1_000);
    await caller.say(WEATHER);
    await caller.hears(1_000);
    await caller.silence(800);
    const { pcm, rateHz } = caller.heard;
    expect(found(pcm, rateHz, await spoken(ANSWER, rateHz), rateHz)).toBeGreaterThan(0.95);
    await caller.leave();
    expect(await host.end(caller)).toMatchObject({ ended: 'peer_left' });
  });
});
