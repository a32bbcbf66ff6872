import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { type AgentBody, AgentHost, type HostEvent } from '../../support/agents/agent-host.js';
import type { Caller } from '../../support/agents/caller.js';
import { heardErrorMs } from '../../support/agents/heard-error.js';
import { STOP, STOPPED, STORY, TALE } from '../../support/agents/story.js';
import { FakeOpenAi } from '../../support/fake-openai.js';
import { FakeRealtime } from '../../support/fake-realtime.js';
import { describeWith } from '../../support/needs.js';
import type { Output } from '../../support/realtime/response.js';
import { found } from '../../support/sound.js';
import { spoken } from '../../support/spoken.js';
import { until } from '../../support/until.js';

const MODEL_HZ = 24_000;

describeWith('espeak-ng')("a realtime model in an agent of LiveKit's library", () => {
  let openai: FakeOpenAi;
  let model: FakeRealtime;
  let host: AgentHost;
  let caller: Caller;
  const problems: string[] = [];
  const outputs: Output[] = [];

  beforeAll(async () => {
    openai = await FakeOpenAi.start();
    model = await FakeRealtime.start();
    model.on('problem', (problem) => problems.push(problem));
    model.respond = () => outputs.splice(0, 1);
    host = await AgentHost.start(openai);
  });
  afterEach(async () => {
    await caller.leave();
    expect(await host.end(caller)).toMatchObject({ ended: 'peer_left' });
    await until(() => model.connections === 0);
    expect(problems.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    const exitMs = await host?.close();
    await model?.close();
    await openai?.close();
    expect(exitMs).toBeLessThan(2_000);
  });

  const says = async (text: string): Promise<Output> => ({
    text,
    audio: await spoken(text, MODEL_HZ),
  });
  const told = (meets: (event: HostEvent) => unknown) =>
    host.next((event) => event.session === caller.session && meets(event));
  const call = async (turnHandling: object): Promise<void> => {
    const { apiKey } = model;
    const baseURL = model.url.replace(/^ws(.*)\/realtime$/, 'http$1');
    const body: AgentBody = { model: { apiKey, baseURL }, turnHandling };
    caller = await host.call(body);
  };

  it.each([{ turnDetection: 'realtime_llm' }, { turnDetection: undefined }])(
    'finds the turns, and is told what was heard when it is interrupted: %j',
    async (turnHandling) => {
      outputs.push(await says(TALE), await says(STOPPED));
      await call(turnHandling);
      await caller.say(STORY);
      await caller.hears(3_000);
      const truncated = new Promise<number>((resolve) => model.once('truncated', resolve));
      const [{ atMs }] = await Promise.all([told(({ cleared }) => cleared), caller.say(STOP)]);
      const interrupted = await told(({ role }) => role === 'assistant');
      const heardMs = caller.heardBefore(caller.clears[0]!);
      const endMs = await truncated;
      const textErrorMs = await heardErrorMs(TALE, interrupted.text!, heardMs);
      console.log(
        `realtime model: silent ${caller.clears[0]! - atMs!} ms after the interruption; heard ${heardMs} ms, the model was told ${endMs} ms, kept "${interrupted.text}" (${textErrorMs} ms off)`,
      );
      expect(interrupted.interrupted).toBe(true);
      expect(caller.clears[0]! - atMs!).toBeLessThan(150);
      expect(Math.abs(endMs - heardMs)).toBeLessThan(150);
      expect(textErrorMs).toBeLessThan(300);
      expect(await told(({ role }) => role === 'assistant')).toMatchObject({ text: STOPPED });
      await caller.silence(400);
      const { pcm, rateHz } = caller.heard;
      expect(found(pcm, rateHz, await spoken(STOPPED, rateHz), rateHz)).toBeGreaterThan(0.9);
    },
  );
});
