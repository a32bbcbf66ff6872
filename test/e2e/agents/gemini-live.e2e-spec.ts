import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { OPUS_OUTPUT_HZ } from '../../../src/media/codecs/opus.js';
import type { FakeCall, FakeClient } from '../../../src/testing/index.js';
import type { FakeLive, Turn } from '../../support/fake-live.js';
import { typeUntilRefused } from '../../support/flood.js';
import { gemini, running } from '../../support/gemini-hooks.js';
import { atRate, found, similarity, speech, tone } from '../../support/sound.js';
import { until } from '../../support/until.js';
import { HEARD_HZ, warmUp, WebRtcClient } from '../../support/webrtc-client.js';

const said = speech(1);

/** Says something and pauses. @returns what the model heard */
async function ask(call: FakeCall): Promise<Int16Array> {
  const turn = once(gemini, 'turn');
  await call.speak(said, { pace: 'asap' });
  await call.speak(new Int16Array(8_000), { pace: 'asap' });
  return speechOf((await turn) as [Turn, FakeLive]);
}

async function askAsClient(client: FakeClient, pcm = atRate(said, 8_000, 16_000)) {
  const turn = once(gemini, 'turn');
  await client.speak(pcm, { pace: 'asap' });
  await client.speak(new Int16Array(16_000), { pace: 'asap' });
  return speechOf((await turn) as [Turn, FakeLive]);
}

function speechOf([turn]: [Turn, FakeLive]): Int16Array {
  if (!('speech' in turn)) throw new Error('a text came');
  return turn.speech;
}

describe('Gemini Live on a phone call', () => {
  it('has whole turns: the caller is heard, and hears the answer', async () => {
    gemini.answer = atRate(speech(3), 8_000, 24_000);
    const call = await running.host.call({ carrier: 'twilio' });
    expect(similarity(said, 8_000, await ask(call), 16_000)).toBeGreaterThan(0.95);
    await call.heard(3 * 8_000);
    expect(similarity(call.audio, 8_000, gemini.answer, 24_000)).toBeGreaterThan(0.95);
    const closed = once(gemini, 'closed');
    await call.hangUp();
    await closed;
    expect(await running.end).toMatchObject({ code: 'peer_left' });
  });

  it('is silent within 150 ms after the model says that it is interrupted', async () => {
    const call = await running.host.call({ carrier: 'twilio' });
    await ask(call);
    await call.heard(8_000);
    const interrupted = once(gemini, 'interrupted').then(() => performance.now());
    const cleared = once(call, 'cleared').then(() => performance.now());
    gemini.onTurn = () => undefined;
    await call.speak(said.subarray(4_000), { pace: 'asap' });
    expect((await cleared) - (await interrupted)).toBeLessThan(150);
    const heard = call.audio.length;
    await sleep(300);
    expect(call.audio.length).toBe(heard);
  });

  it('clears nothing when an answer was played to its end', async () => {
    gemini.answer = tone(600, 24_000, 0.3);
    const call = await running.host.call({ carrier: 'twilio' });
    for (let turn = 0; turn < 2; turn++) {
      await ask(call);
      await sleep(800);
    }
    expect(call.messages.filter(({ event }) => event === 'clear')).toEqual([]);
  });

  it('plays all of an answer that comes faster than it is spoken', async () => {
    const call = await running.host.call({ carrier: 'twilio' });
    // Longer than a transport queues unless it is told to.
    gemini.answer = tone(600, 24_000, 90);
    await ask(call);
    const { transport } = running.bot.conversations[0]!;
    while (transport.playback.queuedMs < 85_000) await sleep(10);
    expect(transport.stats.overflowed).toBe(0);
  });
});

describe('Gemini Live with a WebSocket client', () => {
  it('has whole turns, and tells transcripts and states', async () => {
    gemini.answer = atRate(speech(2), 8_000, 24_000);
    const client = await running.host.connect();
    await client.ready();
    const question = atRate(said, 8_000, 16_000);
    expect(similarity(question, 16_000, await askAsClient(client), 16_000)).toBeGreaterThan(0.99);
    await client.heard(2 * 24_000);
    expect(similarity(client.audio, 24_000, gemini.answer, 24_000)).toBeGreaterThan(0.99);
    await client.next('bot-output');
    const told = client.messages.map(({ type, data }) =>
      data && 'text' in data ? `${type}: ${String(data.text)}` : type,
    );
    expect(told.filter((one) => !one.startsWith('bot-ready'))).toEqual([
      'user-transcription: Who is ',
      'user-transcription: Who is there?',
      'user-transcription: Who is there?',
      'bot-llm-started',
      'bot-started-speaking',
      'bot-llm-text: One ',
      'bot-llm-text: two ',
      'bot-llm-text: three ',
      'bot-llm-text: four ',
      'bot-llm-text: five ',
      'bot-llm-text: six.',
      'bot-llm-stopped',
      'bot-stopped-speaking',
      'bot-output: One two three four five six.',
    ]);
    const final = client.messages
      .filter(({ type }) => type === 'user-transcription')
      .map(({ data }) => data?.final);
    expect(final).toEqual([false, false, true]);
  });

  it('tells what was heard of an answer that was interrupted', async () => {
    const client = await running.host.connect();
    await client.ready();
    await askAsClient(client);
    await client.heard(24_000);
    gemini.onTurn = () => undefined;
    await client.speak(new Int16Array(3_200).fill(9_000), { pace: 'asap' });
    await client.next('bot-interrupted');
    const { data } = await client.next('bot-output');
    // Of six words in three seconds, those of the first.
    expect(['One', 'One two', 'One two three']).toContain(data?.text);
    expect(client.messages.filter(({ type }) => type === 'bot-stopped-speaking')).toHaveLength(1);
  });

  it('passes on what the user types, which cuts off the answer before', async () => {
    const client = await running.host.connect();
    await client.ready();
    await askAsClient(client);
    await client.heard(12_000);
    gemini.answer = tone(900, 24_000, 0.5);
    gemini.answerText = 'Typed.';
    const turn = once(gemini, 'turn');
    client.send('send-text', { content: 'And now?' });
    expect((await turn)[0]).toEqual({ text: 'And now?' });
    await client.next('bot-interrupted');
    await client.next(({ type, data }) => type === 'bot-output' && data?.text === 'Typed.');
    // Not the three seconds of the answer before.
    expect(client.audio.length).toBeLessThan(2 * 24_000);
  });

  it('tells when the user speaks, where the model does', async () => {
    const client = await running.host.connect();
    await client.ready();
    const live = await gemini.connected();
    live.send({ voiceActivity: { voiceActivityType: 'ACTIVITY_START' } });
    live.send({ voiceActivity: { voiceActivityType: 'ACTIVITY_END' } });
    await client.next('user-started-speaking');
    await client.next('user-stopped-speaking');
  });

  it('has two sessions at once, each with its own model', async () => {
    const [one, two] = [await running.host.connect(), await running.host.connect()];
    const answers = [tone(500, 24_000, 1), tone(1_300, 24_000, 1)];
    const questions = [tone(440, 16_000, 1), tone(1_000, 16_000, 1)];
    const [first, second] = [await gemini.connected(1), await gemini.connected(2)];
    gemini.onTurn = (live) => live.say(answers[live === first ? 0 : 1]);
    const turns: [Int16Array, FakeLive][] = [];
    gemini.on('turn', (turn, live) => turns.push([speechOf([turn, live]), live]));
    await Promise.all(
      [one, two].map(async (client, i) => {
        await client.speak(questions[i]!, { pace: 'asap' });
        await client.speak(new Int16Array(16_000), { pace: 'asap' });
        await client.heard(24_000);
        expect(similarity(client.audio, 24_000, answers[i]!, 24_000)).toBeGreaterThan(0.95);
      }),
    );
    for (const [pcm, live] of turns) {
      const question = questions[live === first ? 0 : 1]!;
      expect(similarity(question, 16_000, pcm, 16_000)).toBeGreaterThan(0.95);
    }
    expect(turns.map(([, live]) => live)).toEqual(expect.arrayContaining([first, second]));
  });

  it('survives messages that are none', async () => {
    const client = await running.host.connect();
    await client.ready();
    const live = await gemini.connected();
    for (const message of [
      {
        serverContent: {
          modelTurn: { parts: [{ inlineData: { data: 7, mimeType: 'audio/pcm' } }] },
        },
      },
      { serverContent: { modelTurn: { parts: 'none' } } },
      {
        serverContent: {
          modelTurn: { parts: [{ inlineData: { data: 'AAAA', mimeType: 'image/png' } }] },
        },
      },
      { serverContent: null, toolCall: { functionCalls: {} } },
      {
        serverContent: {
          modelTurn: { parts: [{ inlineData: { data: 'AAAA', mimeType: 'audio/pcm;rate=1' } }] },
        },
      },
      { toolCallCancellation: { ids: 'all' } },
      { sessionResumptionUpdate: 'x' },
    ]) {
      live.send(message);
    }
    await askAsClient(client);
    await client.heard(24_000);
  });
});

describe('a malformed message of Gemini', () => {
  it.each([[[{ name: { toString: 1 }, id: {} }]], [[null]]])(
    'is no call, and ends nothing: %j',
    async (functionCalls) => {
      const called: unknown[] = [];
      running.bot.orders.find = ({ name }) => void called.push(name);
      const client = await running.host.connect();
      await client.ready();
      const live = await gemini.connected();
      live.send({ toolCall: { functionCalls } });
      const told = once(gemini, 'toolResponse');
      live.call('call-1', 'find_order', {});
      await told;
      expect(called).toEqual(['find_order']);
      await running.lines.with('the model sent a malformed message.toolCall.functionCalls');
    },
  );

  it('has one line in the log, and then a number at the end', async () => {
    const client = await running.host.connect();
    await client.ready();
    const live = await gemini.connected();
    const noAudio = { inlineData: { data: 'AAAA', mimeType: 'audio/pcm;rate=1' } };
    for (let i = 0; i < 100; i++) {
      live.send({ goAway: { timeLeft: i } });
      live.send({ serverContent: { modelTurn: { parts: [noAudio] } } });
    }
    const told = once(gemini, 'toolResponse');
    live.call('call-1', 'find_order', {});
    await told;
    const lines = () => running.lines.all.filter((line) => /malformed|the model failed/.test(line));
    expect(lines()).toHaveLength(2);
    await client.leave();
    await running.lines.with('99 more: the model sent a malformed message.goAway');
    await running.lines.with('99 more: the model failed: RangeError');
    expect(lines()).toHaveLength(4);
  });
});

describe('a Gemini that does not read', () => {
  it('has the texts of a client refused, and its audio dropped, before they fill the memory', async () => {
    gemini.onTurn = () => undefined;
    const client = await running.host.connect();
    await client.ready();
    const live = await gemini.connected();
    live.pause();
    const { taken, error } = await typeUntilRefused(client);
    expect(error).toBe('Too much input waits for the model.');
    // Some megabytes are on their way in the sockets.
    expect(taken).toBeLessThan(30);
    await client.speak(new Int16Array(60 * 16_000), { pace: 'asap' });
    await running.lines.with('the model does not take its input in time; it is dropped');
    live.resume();
    await until(() => live.heard.length > 0);
    const turn = once(gemini, 'turn', { signal: AbortSignal.timeout(5_000) });
    client.send('send-text', { content: 'And now?' });
    for (let [said] = (await turn) as [Turn]; 'text' in said && said.text !== 'And now?';) {
      [said] = (await once(gemini, 'turn')) as [Turn];
    }
  });

  it('is told no more results of functions than it takes', async () => {
    running.bot.orders.find = () => 'x'.repeat(3_000_000);
    const client = await running.host.connect();
    await client.ready();
    const live = await gemini.connected();
    live.pause();
    for (let i = 0; i < 20; i++) live.call(`call-${i}`, 'find_order', {});
    const line = await running.lines.with('was not sent');
    expect(line).toContain('Too much input waits for the model.');
    live.resume();
  });

  it('has the texts of a client refused while it is connected again', async () => {
    gemini.onTurn = () => undefined;
    const client = await running.host.connect();
    await client.ready();
    await gemini.connected();
    let admit = (): void => undefined;
    gemini.admission = new Promise((resolve) => (admit = resolve));
    const asked = once(gemini, 'asked');
    gemini.live.break();
    await asked;
    const { taken, error } = await typeUntilRefused(client, 100_000);
    expect([taken, error]).toEqual([2, 'Too much input waits for the model.']);
    const turns: Turn[] = [];
    gemini.on('turn', (turn) => turns.push(turn));
    admit();
    await until(() => turns.length === 2);
  });
});

describe('Gemini Live over WebRTC', () => {
  beforeAll(warmUp, 60_000);

  it('has whole turns', async () => {
    gemini.answer = atRate(speech(3), 8_000, 24_000);
    const client = await WebRtcClient.connect({ offerUrl: `${running.host.url}/api/offer` });
    try {
      const turn = once(gemini, 'turn');
      // Quiet at first: the connection takes a moment to carry all of it.
      await client.speak(new Int16Array(OPUS_OUTPUT_HZ / 2));
      await client.speak(atRate(speech(2), 8_000, OPUS_OUTPUT_HZ));
      await client.speak(new Int16Array(OPUS_OUTPUT_HZ));
      const heard = speechOf((await turn) as [Turn, FakeLive]);
      expect(found(heard, 16_000, speech(2), 8_000)).toBeGreaterThan(0.8);
      await client.listen(3.5);
      expect(found(client.heard, HEARD_HZ, speech(3), 8_000)).toBeGreaterThan(0.8);
    } finally {
      await client.leave();
    }
    expect(await running.end).toMatchObject({ code: 'peer_left' });
  });
});
