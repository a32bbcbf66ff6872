import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { AgentHost } from '../../support/agents/agent-host.js';
import { FakeOpenAi } from '../../support/fake-openai.js';
import { describeWith } from '../../support/needs.js';
import { found } from '../../support/sound.js';
import { spoken } from '../../support/spoken.js';

jest.setTimeout(30_000);

const WEATHER = 'What is the weather in Paris?';
const SUNNY = 'It is sunny in Paris today.';

describeWith('espeak-ng')("an agent of LiveKit's library", () => {
  let openai: FakeOpenAi;
  let host: AgentHost;
  beforeAll(async () => {
    openai = await FakeOpenAi.start();
    await openai.sentences.learn(WEATHER);
    host = await AgentHost.start(openai);
  });
  afterAll(async () => {
    console.log('exit after close', await host?.close());
    await openai?.close();
  });
  afterEach(() => expect(openai.problems).toEqual([]));

  it('hears a caller, thinks and answers, by phone', async () => {
    openai.when({ user: WEATHER }, { say: SUNNY });
    const caller = await host.call();
    const { endedMs } = await caller.say(WEATHER);
    await host.next(({ role }) => role === 'assistant', 5000).finally(async () => { const fs = await import('node:fs'); const { wavOf } = await import('../../support/sound.js'); for (const r of openai.requests) if (r.audio) fs.writeFileSync('/tmp/heard.wav', wavOf(r.audio.pcm, r.audio.rateHz)); console.log(JSON.stringify(openai.requests.map((e) => [e.path, e.text, e.audio && [e.audio.pcm.length, e.audio.rateHz]]))); });
    await caller.silence(500);
    const { pcm, rateHz } = caller.heard;
    const answer = await spoken(SUNNY, rateHz);
    console.log(pcm.length / rateHz, answer.length / rateHz, found(pcm, rateHz, answer, rateHz));
    console.log(
      JSON.stringify(host.events.map((e) => ({ ...e, atMs: e.atMs && e.atMs - endedMs }))),
    );
    console.log(JSON.stringify(openai.requests.map((e) => [e.path, e.text, e.body.messages])));
    await caller.leave();
    expect(await host.end(caller)).toMatchObject({ ended: 'peer_left' });
  });
});
