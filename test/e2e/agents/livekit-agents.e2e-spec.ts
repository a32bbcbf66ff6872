import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type AgentBody, AgentHost } from '../../support/agents/agent-host.js';
import type { Caller } from '../../support/agents/caller.js';
import { heardErrorMs } from '../../support/agents/heard-error.js';
import { STOP, STOPPED, STORY, TALE } from '../../support/agents/story.js';
import { FakeOpenAi } from '../../support/fake-openai.js';
import { describeWith } from '../../support/needs.js';
import { found } from '../../support/sound.js';
import { spoken } from '../../support/spoken.js';
import type { FakeCall, FakeClient } from '../../../src/testing/index.js';

const WEATHER = 'What is the weather in Paris?';
const LONDON = 'Tell me about the rain in London.';
const BOOKING = 'I would like to book a table.';
const LOOK_UP = 'Where is my order, please?';
const GOODBYE = 'Thank you very much and goodbye.';
const SENTENCES = [WEATHER, LONDON, STORY, STOP, BOOKING, LOOK_UP, GOODBYE];

const RAIN = 'There is nothing but rain in London.';
const MOMENT = 'One moment, please.';
const TABLE = 'For how many people shall it be?';

/** Messages of the last request for an answer. */
const messages = (openai: FakeOpenAi) =>
  openai.of('/chat/completions').at(-1)!.body.messages as { role: string; content: string }[];

describeWith('espeak-ng')("an agent of LiveKit's library", () => {
  let openai: FakeOpenAi;
  let host: AgentHost;
  const callers: Caller[] = [];

  beforeAll(async () => {
    openai = await FakeOpenAi.start();
    await openai.sentences.learn(...SENTENCES);
    openai
      .when({ user: WEATHER }, { call: 'get_weather', with: { city: 'Paris' } })
      .when({ tool: 'get_weather' }, { say: (result) => `It is ${JSON.parse(result)}.` })
      .when({ user: LONDON }, { say: RAIN })
      .when({ user: STORY }, { say: TALE })
      .when({ user: STOP }, { say: STOPPED })
      .when({ user: BOOKING, system: 'front desk' }, { call: 'hand_over' })
      .when({ tool: 'hand_over' }, { say: MOMENT })
      .when({ user: BOOKING, system: 'You take bookings' }, { say: TABLE })
      .when({ user: LOOK_UP }, { call: 'look_up' })
      .when({ user: 'I press 7.' }, { call: 'ask_nobody' })
      .when({ user: GOODBYE }, { call: 'end_call' })
      .when({ tool: 'end_call' }, { say: 'Goodbye to you, too.' })
      .when({ user: 'I press 5.' }, { say: 'You have pressed five.' })
      .when({ user: 'By keyboard' }, { say: 'I can read as well.' });
    host = await AgentHost.start(openai);
  });
  afterEach(async () => {
    await Promise.all(callers.splice(0).map((caller) => caller.leave()));
    expect(openai.problems.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    const exitMs = await host?.close();
    await openai?.close();
    expect(exitMs).toBeLessThan(2_000);
  });

  const keep = (caller: Caller): Caller => {
    callers.push(caller);
    return caller;
  };
  const call = async (body?: AgentBody) => keep(await host.call(body));
  const connect = async (body?: AgentBody) => keep(await host.connect(body));
  const told = (
    caller: Caller,
    meets: (event: Awaited<ReturnType<AgentHost['next']>>) => unknown,
  ) => host.next((event) => event.session === caller.session && meets(event));
  const press = ({ peer }: Caller, digits: string) => (peer as FakeCall).press(digits);
  const answered = (caller: Caller) => told(caller, ({ role }) => role === 'assistant');

  /** Similarity of what was heard and a sentence. */
  async function likeness(caller: Caller, text: string): Promise<number> {
    await caller.silence(400);
    const { pcm, rateHz } = caller.heard;
    return found(pcm, rateHz, await spoken(text, rateHz), rateHz);
  }

  it.each(['twilio', 'websocket'] as const)(
    'hears its user, asks a provider of the host and answers over %s',
    async (transport) => {
      const caller = await (transport === 'twilio' ? call() : connect());
      await caller.say(WEATHER);
      expect(await answered(caller)).toMatchObject({ text: 'It is 22 degrees in Paris.' });
      expect(await likeness(caller, 'It is 22 degrees in Paris.')).toBeGreaterThan(0.95);
      await caller.leave();
      expect(await host.end(caller)).toMatchObject({ ended: 'peer_left' });
    },
  );

  it('stops when the user interrupts it, and keeps in its history what they heard', async () => {
    const interruption = { resumeFalseInterruption: false };
    const caller = await call({ turnHandling: { interruption } });
    await caller.say(STORY);
    await caller.hears(3_000);
    await caller.say(STOP);
    const { atMs } = await told(caller, ({ cleared }) => cleared);
    const silentMs = caller.lastSoundMs - atMs!;
    console.log(`phone: silent ${silentMs} ms after the interruption`);
    expect(silentMs).toBeLessThan(300);
    const interrupted = await answered(caller);
    expect(interrupted.interrupted).toBe(true);
    const [clearedMs] = caller.clears;
    const heardMs = caller.heardBefore(clearedMs!);
    const { playedMs } = await told(caller, (event) => event.playedMs !== undefined);
    const error = await heardErrorMs(TALE, interrupted.text!, heardMs);
    console.log(
      `heard ${heardMs} ms until silence, played ${playedMs!.toFixed()} ms, kept "${interrupted.text}", which is off by ${error} ms`,
    );
    expect(error).toBeLessThan(200);
    await answered(caller);
    expect(messages(openai).map(({ role, content }) => [role, content])).toEqual([
      ['system', 'You are the front desk.'],
      ['user', STORY],
      ['assistant', interrupted.text],
      ['user', STOP],
    ]);
  });

  it('goes on after a noise that was no interruption', async () => {
    const interruption = { falseInterruptionTimeout: 500 };
    const caller = await call({ turnHandling: { interruption } });
    await caller.say(STORY);
    await caller.hears(2_000);
    // Nobody knows this sentence.
    await caller.say('Hmm, mm, well, mmm.');
    expect(await told(caller, (event) => 'falseInterruption' in event)).toMatchObject({
      falseInterruption: true,
    });
    expect(await answered(caller)).toMatchObject({ text: TALE, interrupted: false });
    expect(await likeness(caller, TALE)).toBeGreaterThan(0.95);
    expect(caller.clears).toEqual([]);
  });

  it('hands over to another agent', async () => {
    const caller = await call();
    await caller.say(BOOKING);
    expect(await answered(caller)).toMatchObject({ text: MOMENT });
    await caller.silence(500);
    await caller.say(BOOKING);
    expect(await answered(caller)).toMatchObject({ text: TABLE });
    expect(await likeness(caller, TABLE)).toBeGreaterThan(0.95);
  });

  it('hears keys', async () => {
    const caller = await call();
    press(caller, '5');
    expect(await answered(caller)).toMatchObject({ text: 'You have pressed five.' });
  });

  it('reads texts of a client, and shows it transcripts, states and metrics', async () => {
    const caller = await connect();
    const client = caller.peer as FakeClient;
    await client.ready();
    client.send('send-text', { content: 'By keyboard' });
    await answered(caller);
    expect((await client.next('bot-llm-text')).data).toEqual({ text: 'I ' });
    expect((await client.next('bot-output')).data).toMatchObject({ text: 'I can read as well.' });
    await caller.say(LONDON);
    await answered(caller);
    expect((await client.next('user-transcription')).data).toMatchObject({
      text: LONDON,
      final: true,
    });
    expect((await client.next('bot-output')).data).toMatchObject({ text: RAIN });
    // Of each answer.
    for (let i = 0; i < 2; i++) await client.next('bot-stopped-speaking');
    const types = client.messages.map(({ type }) => type);
    const states = types.filter((type) => /started|stopped/.test(type));
    const turn = [
      'bot-llm-started',
      'bot-llm-stopped',
      'bot-started-speaking',
      'bot-stopped-speaking',
    ];
    expect(states).toEqual([...turn, 'user-started-speaking', 'user-stopped-speaking', ...turn]);
    const told = client.messages.filter(({ type }) => type === 'metrics').map(({ data }) => data);
    for (const kind of ['tokens', 'characters', 'ttfb', 'processing']) {
      expect(told).toContainEqual(expect.objectContaining({ [kind]: expect.any(Array) }));
    }
    expect((await client.request('say', 'Said for the page.')).data).toMatchObject({
      d: { heard: 'say' },
    });
    expect(await answered(caller)).toMatchObject({ text: 'Said for the page.' });
  });

  it('answers no more than nine texts that wait, and refuses the rest', async () => {
    const before = openai.of('/chat/completions').length;
    const caller = await connect();
    const client = caller.peer as FakeClient;
    await client.ready();
    const type = (run_immediately: boolean) =>
      client.send('send-text', { content: 'By keyboard', options: { run_immediately } });
    const ids = Array.from({ length: 200 }, () => type(false));
    for (const id of ids.slice(9)) {
      const { type, data } = await client.next((message) => message.id === id);
      expect([type, data]).toEqual([
        'error-response',
        { error: 'Too many texts wait for their answer.' },
      ]);
    }
    type(true);
    await answered(caller);
    await client.next('bot-stopped-speaking');
    expect(openai.of('/chat/completions').length - before).toBeLessThanOrEqual(10);
    type(false);
    await answered(caller);
  });

  it('talks to two at once, each about their own', async () => {
    const [first, second] = await Promise.all([call(), connect()]);
    await Promise.all([first.say(WEATHER), second.say(LONDON)]);
    expect(await answered(first)).toMatchObject({ text: 'It is 22 degrees in Paris.' });
    expect(await answered(second)).toMatchObject({ text: RAIN });
    expect(await likeness(first, 'It is 22 degrees in Paris.')).toBeGreaterThan(0.95);
    expect(await likeness(second, RAIN)).toBeGreaterThan(0.95);
  });

  it('is not joined by another caller where the bot has one AgentSession for all', async () => {
    const first = await call({ shared: 'AgentSession' });
    await told(first, ({ state }) => state === 'listening');
    const second = await call({ shared: 'AgentSession' });
    expect(await host.end(second)).toMatchObject({ ended: 'failed' });
    press(first, '5');
    expect(await answered(first)).toMatchObject({ text: 'You have pressed five.' });
  });

  it('is not told what another caller has said where the bot has one Agent for all', async () => {
    const first = await call({ shared: 'Agent' });
    press(first, '5');
    await answered(first);
    await first.leave();
    await host.end(first);
    const second = await call({ shared: 'Agent' });
    expect(await host.end(second)).toMatchObject({ ended: 'failed' });
  });

  describe('when a service fails', () => {
    it('goes on where the user says again what was not understood', async () => {
      openai.fail('/audio/transcriptions', { status: 500 });
      const caller = await call();
      await caller.say(LONDON);
      await caller.silence(1_000);
      await caller.say(LONDON);
      expect(await answered(caller)).toMatchObject({ text: RAIN });
    });

    it.each(['/chat/completions', '/audio/speech'] as const)(
      'goes on where %s fails once',
      async (path) => {
        openai.fail(path, { status: 500 });
        const caller = await call();
        await caller.say(LONDON);
        expect(await answered(caller)).toMatchObject({ text: RAIN });
      },
    );

    it.each([
      ['/chat/completions', 'cut'],
      ['/chat/completions', { status: 500 }],
      ['/audio/speech', { status: 503 }],
    ] as const)('ends as failed where %s goes on failing: %j', async (path, fault) => {
      openai.fail(path, fault, 3);
      const once = { maxRetry: 0, timeoutMs: 2_000 };
      const connOptions = {
        llmConnOptions: once,
        ttsConnOptions: once,
        maxUnrecoverableErrors: 0,
      };
      const caller = await call({ connOptions });
      await caller.say(LONDON);
      const end = await host.end(caller);
      openai.faults.length = 0;
      expect(end.ended).toBe('failed');
    });
  });

  describe('ends', () => {
    it('as peer_left when the caller leaves while a tool is busy, which is told', async () => {
      const caller = await call();
      await caller.say(LOOK_UP);
      await told(caller, ({ tool }) => tool === 'began');
      await caller.leave();
      await told(caller, ({ tool }) => tool === 'aborted');
      expect(await host.end(caller)).toMatchObject({ ended: 'peer_left' });
    });

    it('as peer_left when the caller leaves while a tool never returns, and launch() returns', async () => {
      const caller = await call();
      press(caller, '7');
      await told(caller, ({ tool }) => tool === 'began');
      await caller.leave();
      await told(caller, ({ returned }) => returned);
      expect(await host.end(caller)).toMatchObject({ ended: 'peer_left' });
    });

    it('as completed when the agent says goodbye, whose last word is heard', async () => {
      const caller = await call();
      await caller.say(GOODBYE);
      expect(await host.end(caller)).toMatchObject({ ended: 'completed' });
      await caller.peer.closed;
      expect(await likeness(caller, 'Goodbye to you, too.')).toBeGreaterThan(0.95);
    });

    it.each([
      ['playbackStarted', 'sync'],
      ['playbackStarted', 'async'],
      ['playbackFinished', 'sync'],
      ['playbackFinished', 'async'],
      ['agent_state_changed', 'sync'],
      ['agent_state_changed', 'async'],
      ['metrics_collected', 'sync'],
      ['metrics_collected', 'async'],
    ] as const)(
      "as failed, and no other, when a bot's listener of %s fails (%s)",
      async (event, how) => {
        const other = await call();
        const caller = await call({ greeting: MOMENT, fails: { event, how } });
        expect(await host.end(caller)).toMatchObject({ ended: 'failed' });
        press(other, '5');
        expect(await answered(other)).toMatchObject({ text: 'You have pressed five.' });
      },
    );

    it('as stopped when the session is deleted in mid-sentence', async () => {
      const caller = await call({ greeting: TALE });
      await caller.hears(500);
      await host.stop(caller);
      expect(await host.end(caller)).toMatchObject({ ended: 'stopped' });
    });
  });
});
