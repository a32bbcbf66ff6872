import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import { typeUntilRefused } from '../../support/flood.js';
import { AgentHost } from '../../support/realtime/agent-host.js';
import { slowTool } from '../../support/realtime/slow-tool.js';
import { similarity, speech, tone } from '../../support/sound.js';
import { until } from '../../support/until.js';

const RATE_HZ = 24_000;
const WORDS = 'One two three four five six seven eight nine ten.';

let it_: AgentHost;
beforeEach(async () => {
  it_ = await AgentHost.start();
  it_.service.respond = () => [{ text: WORDS, audio: it_.service.answer }];
});
afterEach(async () => {
  await it_.close();
  expect(it_.problems).toEqual([]);
});

const updatesOf = (at = 0) =>
  it_.service.conversations[at]!.received.filter(({ type }) => type === 'session.update');

describe('the connection of an OpenAI agent to its model', () => {
  it('is made anew when the model ends it, with the history, and the caller hears on', async () => {
    it_.service.answer = tone(600, RATE_HZ, 1);
    const call = await it_.host.call({ carrier: 'twilio' });
    await it_.turn(call);
    await call.heard(2_000);
    it_.service.expire();
    // Words that are said meanwhile are not lost.
    const said = speech(1);
    const heard = once(it_.service, 'speech');
    const [again] = await Promise.all([
      once(it_.service, 'conversation'),
      call.heard(8_000),
      sleep(1_000),
    ]);
    await it_.turn(call, said);
    const [there] = (await heard) as [Int16Array];
    expect(similarity(said, 8_000, there, RATE_HZ)).toBeGreaterThan(0.95);
    expect(similarity(call.audio, 8_000, it_.service.answer, RATE_HZ)).toBeGreaterThan(0.9);
    await call.heard(12_000);
    const [conversation] = again as typeof it_.service.conversations;
    const lines = ['user: Ask not.', `assistant: ${WORDS}`];
    expect(conversation!.items.transcript).toEqual([...lines, ...lines]);
    // The history does not hold anything twice.
    expect(it_.bot.talk.realtime.history).toHaveLength(4);
    expect(await it_.lines.with('is connected again')).toContain('maximum duration');
    await call.hangUp();
    expect(await it_.end).toMatchObject({ code: 'peer_left' });
  });

  it('is made anew with what was heard of an interrupted answer, and no more', async () => {
    const call = await it_.host.call({ carrier: 'twilio' });
    await it_.turn(call);
    await call.heard(8_000);
    const truncated = once(it_.service, 'truncated');
    it_.service.respond = () => [];
    await call.speak(speech(1), { pace: 'asap' });
    await truncated;
    await sleep(50);
    it_.service.expire();
    const [conversation] = (await once(it_.service, 'conversation')) as [
      (typeof it_.service.conversations)[0],
    ];
    await until(() => conversation.items.all.length > 1);
    const [, answer] = conversation.items.transcript as [string, string];
    expect(`assistant: ${WORDS}`.startsWith(answer)).toBe(true);
    expect(answer.length).toBeLessThan(40);
    await call.hangUp();
  });

  it('can be interrupted while it plays what the connection before has said', async () => {
    const call = await it_.host.call({ carrier: 'twilio' });
    await it_.turn(call);
    await call.heard(8_000);
    it_.service.expire();
    const [conversation] = (await once(it_.service, 'conversation')) as [
      (typeof it_.service.conversations)[0],
    ];
    await until(() => conversation.items.all.length === 2);
    const cleared = once(call, 'cleared');
    await call.speak(speech(1), { pace: 'asap' });
    await cleared;
    await until(() => conversation.items.transcript[1] !== `assistant: ${WORDS}`);
    const heard = conversation.items.transcript.find((line) => line.startsWith('assistant: One'));
    expect(`assistant: ${WORDS}`.startsWith(heard!)).toBe(true);
    await call.hangUp();
  });

  it('answers on when it ended in the middle of an answer', async () => {
    it_.service.deltaEveryMs = 50;
    const call = await it_.host.call({ carrier: 'twilio' });
    await it_.turn(call);
    await call.heard(4_000);
    it_.service.respond = () => [{ text: 'And so on.', audio: it_.service.answer }];
    it_.service.expire();
    await once(it_.service, 'conversation');
    const conversation = it_.service.conversations[1]!;
    await until(() => conversation.items.transcript.length === 3);
    expect(conversation.items.transcript[1]).toMatch(/^assistant: One/);
    expect(conversation.items.transcript[2]).toMatch(/^assistant: /);
    await call.hangUp();
  });

  it('gets the result of a tool that began before it was made anew', async () => {
    const { slow, finish } = slowTool();
    it_.bot.agent = () => new RealtimeAgent({ name: 'Ada', tools: [slow] });
    it_.service.respond = () => [{ call: 'slow', args: {} }];
    const call = await it_.host.call({ carrier: 'twilio' });
    await until(() => it_.bot.talks.length === 1);
    const started = once(it_.bot.talk.realtime, 'agent_tool_start');
    await it_.turn(call);
    await started;
    it_.service.respond = () => [{ text: 'Here it is.', audio: it_.service.answer }];
    let admit = (): void => undefined;
    it_.service.admission = new Promise((resolve) => (admit = resolve));
    const asked = once(it_.service, 'asked');
    it_.service.expire();
    await asked;
    finish('at last');
    await sleep(50);
    admit();
    await call.heard(4_000);
    expect(it_.service.conversations[1]!.items.transcript).toEqual([
      'user: Ask not.',
      'call: slow({})',
      'output: at last',
      'assistant: Here it is.',
    ]);
    await call.hangUp();
  });

  it('fails the session when it cannot be made, with the reason', async () => {
    it_.service.refusal = 401;
    const call = await it_.host.call({ carrier: 'twilio' });
    await call.closed;
    const end = await it_.end;
    expect(end).toMatchObject({ code: 'failed' });
    expect((end.cause as Error).message).toContain('401');
  });

  it.each<[string, () => void]>([
    ['is not given its transport', () => (it_.bot.create = (agent) => new RealtimeSession(agent))],
    [
      'is that of another caller',
      () => {
        let one: RealtimeSession | undefined;
        it_.bot.create = (agent, options) => (one ??= new RealtimeSession(agent, options));
      },
    ],
  ])('fails a session whose RealtimeSession %s, and says so', async (_, mistake) => {
    mistake();
    await it_.host.call({ carrier: 'twilio' });
    const call = await it_.host.call({ carrier: 'twilio' });
    await call.closed;
    const end = await it_.end;
    expect(end).toMatchObject({ code: 'failed' });
    expect((end.cause as Error).message).toContain('new RealtimeSession(agent, { transport })');
  });

  it('fails the session when nobody answers', async () => {
    const silent = createServer((socket) => void socket.on('error', () => undefined).resume());
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    Object.defineProperty(it_.service, 'url', {
      value: `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    });
    const call = await it_.host.call({ carrier: 'twilio' });
    await call.closed;
    expect(((await it_.end).cause as Error).message).toBe('The model did not answer within 10 s.');
    silent.close();
  });

  it('fails the session when it cannot be made anew, with the reason', async () => {
    const call = await it_.host.call({ carrier: 'twilio' });
    await it_.turn(call);
    it_.service.refusal = 503;
    it_.service.expire();
    await call.closed;
    const end = await it_.end;
    expect(end).toMatchObject({ code: 'failed' });
    expect((end.cause as Error).message).toContain('503');
    expect(it_.service.conversations).toHaveLength(1);
  });

  it('fails the session when the model ends each of its connections', async () => {
    let asked = 0;
    it_.service.on('asked', () => asked++);
    it_.service.on('conversation', () => setTimeout(() => it_.service.expire(), 20));
    const call = await it_.host.call({ carrier: 'twilio' });
    await call.closed;
    const end = await it_.end;
    expect(end).toMatchObject({ code: 'failed' });
    expect((end.cause as Error).message).toContain('maximum duration');
    expect(asked).toBe(4);
  });

  it.each(['before it is made', 'while it is made anew'])(
    'is given up %s when the caller leaves',
    async (when) => {
      const never = new Promise<void>(() => undefined);
      let asked = once(it_.service, 'asked');
      if (when === 'before it is made') it_.service.admission = never;
      const call = await it_.host.call({ carrier: 'twilio' });
      await asked;
      if (when !== 'before it is made') {
        await it_.turn(call);
        it_.service.admission = never;
        asked = once(it_.service, 'asked');
        it_.service.expire();
        await asked;
      }
      const closed = once(it_.service, 'closed');
      await call.hangUp();
      await closed;
      expect(await it_.end).toMatchObject({ code: 'peer_left' });
      expect(it_.registry.live).toEqual([]);
    },
  );

  it('ends with a session that is stopped, and with an agent that has said goodbye', async () => {
    const [stopped] = await Promise.all([it_.host.connect(), once(it_.service, 'conversation')]);
    const { id } = it_.registry.live[0]!;
    await until(() => it_.bot.talks.length === 1);
    await fetch(`${it_.host.url}/sessions/${id}`, { method: 'DELETE' });
    await stopped.closed;
    expect(await it_.end).toMatchObject({ code: 'stopped' });
    await until(() => it_.service.connections === 0);

    const call = await it_.host.call({ carrier: 'twilio' });
    await until(() => it_.bot.talks.length === 2);
    it_.bot.talk.realtime.close();
    await call.closed;
    expect(await it_.end).toMatchObject({ code: 'completed' });
  });

  it('is not traced by OpenAI unless asked for', async () => {
    await it_.host.connect();
    await until(() => it_.bot.talks.length === 1);
    expect(updatesOf().filter(({ session }) => (session as { tracing?: unknown }).tracing)).toEqual(
      [],
    );
    it_.bot.options = { workflowName: 'Support' };
    await it_.host.connect();
    await until(() => it_.bot.talks.length === 2);
    await until(() => it_.service.conversations[1]!.session.tracing !== null);
    expect(it_.service.conversations[1]!.session.tracing).toEqual({ workflow_name: 'Support' });
  });

  it('is made anew with the agent that took over, and not traced then either', async () => {
    await it_.host.connect();
    await until(() => it_.bot.talks.length === 1);
    await it_.bot.talk.realtime.updateAgent(
      new RealtimeAgent({ name: 'Billing', instructions: 'You know the bills.' }),
    );
    it_.service.expire();
    await once(it_.service, 'conversation');
    await until(() => updatesOf(1).length === 2);
    expect(it_.service.conversations[1]!.session).toMatchObject({
      instructions: 'You know the bills.',
      tracing: null,
    });
  });

  it('is given up soon when the model does not answer the close', async () => {
    const call = await it_.host.call({ carrier: 'twilio' });
    await until(() => it_.bot.talks.length === 1);
    it_.service.deafen();
    const closed = once(it_.service, 'closed');
    const fromMs = performance.now();
    await call.hangUp();
    await closed;
    expect(performance.now() - fromMs).toBeLessThan(2_000);
  });

  it('ends only its own session when a listener of the agent throws', async () => {
    it_.bot.prepareAgent = (realtime) =>
      realtime.on('transport_event', ({ type }) => {
        if (type === 'input_audio_buffer.speech_started') throw new Error('oops');
      });
    const [call, other] = await Promise.all([
      it_.host.call({ carrier: 'twilio' }),
      it_.host.call({ carrier: 'twilio' }),
    ]);
    await until(() => it_.service.connections === 2);
    await it_.turn(call);
    await call.closed;
    expect(await it_.lines.with('oops')).toBeDefined();
    await until(() => it_.service.connections === 1);
    expect(it_.registry.live).toHaveLength(1);
    await other.hangUp();
  });

  it('leaves nothing behind after 50 sessions', async () => {
    it_.service.answer = tone(600, RATE_HZ, 0.1);
    for (let i = 0; i < 10; i++) {
      const calls = await Promise.all(
        Array.from({ length: 5 }, () => it_.host.call({ carrier: 'twilio' })),
      );
      await Promise.all(calls.map((call) => it_.turn(call)));
      await Promise.all(calls.map((call) => call.heard(400)));
      await Promise.all(calls.map((call) => call.hangUp()));
    }
    await until(() => it_.service.connections === 0);
    await until(() => it_.registry.live.length === 0);
    expect(it_.bot.talks).toHaveLength(50);
    for (const { realtime, conversation } of it_.bot.talks) {
      expect(realtime.transport.status).toBe('disconnected');
      expect(conversation.rtvi!.listenerCount('send-text')).toBe(0);
    }
  });
});

async function connect() {
  const client = await it_.host.connect();
  await client.ready();
  await until(() => it_.bot.talks.length === 1);
  return client;
}

/** Cannot be turned into text, as JSON can say. */
const UNPRINTABLE = { toString: 1, valueOf: 1 };

describe('events of an OpenAI model', () => {
  it('that are malformed end nothing', async () => {
    const client = await connect();
    const [conversation] = it_.service.conversations;
    const call = { type: 'function_call', name: UNPRINTABLE, call_id: 7, status: 'completed' };
    const events: [string, object][] = [
      ['__proto__', {}],
      ['response.created', { response: null }],
      ['response.created', { response: { id: UNPRINTABLE } }],
      ['response.done', { response: { id: {}, output: 7 } }],
      ['response.output_audio.delta', { delta: 7, item_id: {}, response_id: [] }],
      ['response.output_audio.done', { item_id: 7 }],
      ['response.output_audio_transcript.delta', { delta: UNPRINTABLE, item_id: 'i' }],
      ['response.output_item.done', { item: call, response_id: UNPRINTABLE }],
      ['conversation.item.truncated', { item_id: UNPRINTABLE }],
      ['conversation.item.input_audio_transcription.completed', { transcript: UNPRINTABLE }],
      ['error', { error: null }],
      ['error', { error: UNPRINTABLE }],
      ['error', { error: { message: UNPRINTABLE } }],
      ['session.updated', { session: null }],
    ];
    for (const [type, event] of events) conversation!.send(type, event);
    client.send('send-text', { content: 'Say something.' });
    await client.heard(24_000);
  });

  it('that are the same error have one line in the log, and then a number at the end', async () => {
    const client = await connect();
    const [conversation] = it_.service.conversations;
    for (let i = 0; i < 50; i++) conversation!.send('error', { error: { message: 'Not so.' } });
    conversation!.send('error', { error: { message: 'Not so either.' } });
    await it_.lines.with('the model reports an error: Not so either.');
    const lines = () => it_.lines.all.filter((line) => line.includes('error: Not so.'));
    expect(lines()).toHaveLength(1);
    await client.leave();
    await it_.lines.with('49 more: the model reports an error: Not so.');
    expect(lines()).toHaveLength(2);
  });
});

describe('an OpenAI model that does not read', () => {
  it('has the texts of a client refused, and its audio dropped, before they fill the memory', async () => {
    it_.service.respond = () => [];
    const client = await connect();
    it_.service.pause();
    const { taken, error } = await typeUntilRefused(client);
    expect(error).toBe('Too much input waits for the model.');
    // Some megabytes are on their way in the sockets.
    expect(taken).toBeLessThan(30);
    await client.speak(new Int16Array(60 * 16_000), { pace: 'asap' });
    await it_.lines.with('the model does not take its input in time; it is dropped');
    it_.service.resume();
    const { items } = it_.service.conversations[0]!;
    await until(() => items.all.length >= taken);
    client.send('send-text', { content: 'And now?' });
    await until(() => items.transcript.includes('user: And now?'));
  });

  it('has the texts of a client refused while it is connected again', async () => {
    it_.service.respond = () => [];
    const client = await connect();
    let admit = (): void => undefined;
    it_.service.admission = new Promise((resolve) => (admit = resolve));
    const asked = once(it_.service, 'asked');
    it_.service.expire();
    await asked;
    const { taken, error } = await typeUntilRefused(client);
    expect([taken, error]).toEqual([2, 'Too much input waits for the model.']);
    const again = once(it_.service, 'conversation');
    admit();
    await again;
    await until(() => it_.service.conversations[1]!.items.all.length === 2);
  });

  it('has texts refused of a client that asks for more than 100 answers during one', async () => {
    it_.service.deltaEveryMs = 50;
    const client = await connect();
    const started = client.next('bot-started-speaking');
    client.send('send-text', { content: 'Say something.' });
    await started;
    const options = { run_immediately: false, audio_response: true };
    for (let i = 0; i < 101; i++) client.send('send-text', { content: 'And?', options });
    const { data } = await client.next('error-response');
    expect(data?.error).toBe('Too much input waits for the model.');
  });

  it('ends its own session when it makes the library write without end', async () => {
    await connect();
    it_.service.pause();
    const [conversation] = it_.service.conversations;
    // Asks back for the item.
    const item_id = 'x'.repeat(500_000);
    for (let i = 0; i < 60; i++) {
      conversation!.send('conversation.item.truncated', {
        item_id,
        audio_end_ms: 0,
        content_index: 0,
      });
    }
    expect(await it_.end).toMatchObject({
      code: 'failed',
      cause: { message: 'Too much input waits for the model.' },
    });
  });
});
