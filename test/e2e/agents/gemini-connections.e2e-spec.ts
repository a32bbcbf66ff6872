import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { FakeClient } from '../../../src/testing/index.js';
import type { Turn } from '../../support/fake-live.js';
import { gemini, running } from '../../support/gemini-hooks.js';
import { atRate, similarity, speech, tone } from '../../support/sound.js';

const question = atRate(speech(2), 8_000, 16_000);
const silence = new Int16Array(16_000);

async function connect(): Promise<FakeClient> {
  const client = await running.host.connect();
  await client.ready();
  await gemini.connected();
  return client;
}

async function nextTurn(): Promise<Int16Array> {
  const [turn] = (await once(gemini, 'turn')) as [Turn];
  return 'speech' in turn ? turn.speech : new Int16Array();
}

describe('a model that ends its connection', () => {
  it.each([
    ['says so', '5s'],
    ['leaves no time', '0s'],
    ['says it in its own way', 'soon'],
  ])('and %s is continued, with nothing lost that is said meanwhile', async (_, timeLeft) => {
    const client = await connect();
    const turn = nextTurn();
    const speaking = client.speak(question);
    await sleep(700);
    gemini.live.goAway(timeLeft);
    const next = await gemini.connected(2);
    expect(next.setup.sessionResumption?.handle).toBe('handle-1');
    await speaking;
    await client.speak(silence, { pace: 'asap' });
    expect(similarity(question, 16_000, await turn, 16_000)).toBeGreaterThan(0.99);
    await client.heard(24_000);
    expect(gemini.connections).toBe(1);
  });

  it('is left only after its answer, when there is time', async () => {
    gemini.answer = tone(600, 24_000, 1);
    gemini.onTurn = (live) => live.say(undefined, undefined, 0.3);
    const client = await connect();
    const turn = nextTurn();
    await client.speak(question, { pace: 'asap' });
    await client.speak(silence, { pace: 'asap' });
    await turn;
    gemini.live.goAway('30s');
    await sleep(300);
    expect(gemini.opened).toHaveLength(1);
    gemini.live.send({ serverContent: { turnComplete: true } });
    gemini.live.remember();
    const next = await gemini.connected(2);
    expect(next.setup.sessionResumption?.handle).toBe(`handle-2`);
    // The question was answered: only silence follows.
    await sleep(100);
    expect(next.heard.every((sample) => Math.abs(sample) < 100)).toBe(true);
  });

  it('without a word is continued, with nothing lost that is said meanwhile', async () => {
    const client = await connect();
    const turn = nextTurn();
    const speaking = client.speak(question);
    await sleep(700);
    let admit!: () => void;
    gemini.admission = new Promise((resolve) => (admit = resolve));
    const asked = once(gemini, 'asked');
    gemini.live.break();
    await asked;
    await sleep(500);
    admit();
    await speaking;
    await client.speak(silence, { pace: 'asap' });
    expect(similarity(question, 16_000, await turn, 16_000)).toBeGreaterThan(0.99);
    await client.heard(24_000);
  });

  it('in the middle of an answer gives it again', async () => {
    gemini.answer = tone(600, 24_000, 2);
    let turns = 0;
    gemini.onTurn = (live) => live.say(undefined, undefined, turns++ === 0 ? 0.5 : 1);
    const client = await connect();
    const turn = nextTurn();
    await client.speak(question, { pace: 'asap' });
    await client.speak(silence, { pace: 'asap' });
    await turn;
    const again = nextTurn();
    await client.heard(6_000);
    gemini.live.break();
    expect(similarity(question, 16_000, await again, 16_000)).toBeGreaterThan(0.99);
    await client.next('bot-interrupted');
    await client.next(
      ({ type, data }) => type === 'bot-output' && data?.text === gemini.answerText,
    );
  });

  it('in the middle of a function does not call it again', async () => {
    let calls = 0;
    running.bot.orders.find = () => {
      calls++;
      return new Promise(() => undefined);
    };
    gemini.onTurn = (live) => live.call('call-1', 'order', {});
    const client = await connect();
    const turn = nextTurn();
    await client.speak(question, { pace: 'asap' });
    await client.speak(silence, { pace: 'asap' });
    await turn;
    while (calls === 0) await sleep(10);
    gemini.live.break();
    await gemini.connected(2);
    await client.speak(silence, { pace: 'asap' });
    await sleep(300);
    expect(calls).toBe(1);
  });

  it('and has given no handle fails the session', async () => {
    running.bot.resumes = false;
    const client = await connect();
    gemini.live.close(1011, 'Internal error occurred.');
    expect(await client.closed).toMatchObject({ code: 1011 });
    expect(await running.end).toMatchObject({
      code: 'failed',
      cause: { message: 'The model has closed the connection: 1011 Internal error occurred.' },
    });
  });

  it('and does not know the handle any more fails the session', async () => {
    const client = await connect();
    gemini.handles.clear();
    gemini.live.break();
    await client.closed;
    const { code, cause } = await running.end;
    expect(code).toBe('failed');
    expect(String(cause)).toContain('could not be reached again');
    expect(String(cause)).toContain('Invalid session handle.');
  });

  it('again and again fails the session', async () => {
    gemini.on('opened', (live) => setTimeout(() => live.close(1011, 'no mood'), 20));
    const client = await running.host.connect();
    await client.closed;
    expect(await running.end).toMatchObject({ code: 'failed' });
    expect(gemini.opened).toHaveLength(4);
  });
});

describe('a model that cannot be reached', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['is not there', () => gemini.close(), /ECONNREFUSED/],
    ['refuses', () => (gemini.atSetup = 'refuse'), /403/],
    ['closes', () => (gemini.atSetup = [1008, 'Quota.']), /code 1008\): Quota\./],
    ['sets nothing up', () => (gemini.atSetup = 'silent'), /within 10 s/],
  ])('because it %s fails the session with this reason', async (_, break_, reason) => {
    await break_();
    const call = await running.host.call({ carrier: 'twilio' });
    await call.closed;
    const { code, cause } = await running.end;
    expect([code, String(cause)]).toEqual(['failed', expect.stringMatching(reason)]);
  });

  it('yet holds up nobody who leaves', async () => {
    gemini.atSetup = 'silent';
    const asked = once(gemini, 'asked');
    const call = await running.host.call({ carrier: 'twilio' });
    await asked;
    const { end } = running;
    await call.hangUp();
    expect(await end).toMatchObject({ code: 'peer_left' });
  });
});

describe('the end of a conversation with Gemini', () => {
  it('is `stopped` by DELETE, and closes the connection to the model', async () => {
    const client = await connect();
    const closed = once(gemini, 'closed');
    const { id } = running.sessions[0]!;
    const answer = await fetch(`${running.host.url}/sessions/${id}`, { method: 'DELETE' });
    expect(answer.status).toBe(200);
    await closed;
    await client.closed;
    expect(await running.end).toMatchObject({ code: 'stopped' });
  });

  it('leaves nothing of 50 of them', async () => {
    gemini.answer = tone(600, 24_000, 0.2);
    const resources = () =>
      process.getActiveResourcesInfo().filter((one) => /^(TCPSocketWrap|Timeout)$/.test(one))
        .length;
    const talk = async (): Promise<void> => {
      const client = await running.host.connect();
      await client.ready();
      const heard = client.heard(2_400);
      await client.speak(question.subarray(0, 8_000), { pace: 'asap' });
      await client.speak(silence, { pace: 'asap' });
      await heard;
      await client.leave();
    };
    await talk();
    const before = resources();
    for (let i = 0; i < 10; i++) await Promise.all([1, 2, 3, 4, 5].map(talk));
    const deadlineMs = performance.now() + 5_000;
    const isLeft = () => gemini.connections + running.registry.size > 0 || resources() > before;
    while (isLeft() && performance.now() < deadlineMs) await sleep(20);
    expect(gemini.opened).toHaveLength(51);
    expect([gemini.connections, running.registry.size]).toEqual([0, 0]);
    expect(resources()).toBeLessThanOrEqual(before);
  });
});
