import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { AgentHost } from '../../support/agents/agent-host.js';
import { FakeOpenAi } from '../../support/fake-openai.js';
import { describeWith } from '../../support/needs.js';
import { found } from '../../support/sound.js';
import { spoken } from '../../support/spoken.js';

jest.setTimeout(120_000);

const WEATHER = 'What is the weather in Paris?';
const ANSWER = 'It is 22 degrees in Paris.';
const TALE = 'Once upon a time there was a miller who had three sons and one small donkey.';
const SESSIONS = 50;
const AT_ONCE = 5;

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

  /** A call that ends once the bot was heard. @returns the milliseconds between the engine's first frame and the caller's */
  async function shortCall(on: AgentHost): Promise<number> {
    const caller = await on.call({ greeting: 'Hello, how can I help?' });
    const { atMs } = await on.next(
      ({ session, firstFrame }) => session === caller.session && firstFrame,
    );
    await caller.hears(200);
    await caller.leave();
    expect(await on.end(caller)).toMatchObject({ ended: 'peer_left' });
    return caller.firstHeardMs - atMs!;
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
    addedMs.sort((a, b) => a - b);
    const p95 = addedMs[Math.floor(addedMs.length * 0.95)]!;
    const grownKb = (after!.heapUsed - before!.heapUsed) / 1_024;
    console.log(
      `from the engine's first frame to the caller: median ${addedMs[SESSIONS / 2]} ms, p95 ${p95} ms; ` +
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

  it('run in processes of their own', async () => {
    host = await AgentHost.start(openai, { inProcesses: true });
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
