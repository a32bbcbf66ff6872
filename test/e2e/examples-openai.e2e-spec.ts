import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppModule } from '../../examples/openai-agent/app.module.js';
import { OrdersService } from '../../examples/openai-agent/orders.service.js';
import { startHost, type TestHost } from '../../src/testing/index.js';
import { FakeRealtime } from '../support/fake-realtime.js';
import type { Output } from '../support/realtime/response.js';
import { atRate, similarity, speech, tone } from '../support/sound.js';

const VOICE = tone(600, 24_000, 0.5);
const say = (text: string): Output => ({ text, audio: VOICE });

describe('examples: the support agent of OpenAI’s', () => {
  let service: FakeRealtime;
  let host: TestHost;
  const problems: string[] = [];

  beforeEach(async () => {
    service = await FakeRealtime.start();
    service.on('problem', (problem) => problems.push(problem));
    const { url, apiKey } = service;
    Object.assign(process.env, { OPENAI_REALTIME_URL: url, OPENAI_API_KEY: apiKey });
    host = await startHost(AppModule, { logger: false });
  });
  afterEach(async () => {
    await host.close();
    await service.close();
    expect(problems).toEqual([]);
  });

  it('looks an order up in the shop, and hands over a complaint', async () => {
    host.app.get(OrdersService, { strict: false }).statusOf = async (number) => `${number} is lost`;
    service.respond = ({ items }) => {
      const last = items.all.at(-1)!;
      if (last.type === 'function_call_output') return [say(last.output!)];
      const calls = items.all.filter(({ type }) => type === 'function_call');
      return calls.length === 0
        ? [{ call: 'order_status', args: { number: '1001' } }]
        : [{ call: 'transfer_to_Complaints', args: {} }];
    };
    const { call } = await host.ring({ carrier: 'twilio' });
    await call!.speak(speech(1), { pace: 'asap' });
    await call!.speak(new Int16Array(8_000), { pace: 'asap' });
    await call!.heard(4_000);
    expect(similarity(call!.audio, 8_000, VOICE, 24_000)).toBeGreaterThan(0.9);
    const [conversation] = service.conversations;
    expect(conversation!.items.transcript.slice(1)).toEqual([
      'call: order_status({"number":"1001"})',
      'output: 1001 is lost',
      'assistant: 1001 is lost',
    ]);
    expect(conversation!.session.instructions).toContain('for a shop');

    await call!.speak(speech(1), { pace: 'asap' });
    await call!.speak(new Int16Array(8_000), { pace: 'asap' });
    await call!.heard(8_000);
    expect(conversation!.session.instructions).toContain('complaints');
    await call!.hangUp();
  });

  it('talks in the browser', async () => {
    service.respond = () => [say('Hello.')];
    const client = await host.connect();
    await client.speak(atRate(speech(1), 8_000, 16_000), { pace: 'asap' });
    await client.speak(new Int16Array(16_000), { pace: 'asap' });
    await client.ready();
    expect((await client.next('bot-output')).data).toMatchObject({ text: 'Hello.' });
    expect((await fetch(`${host.url}/client/`)).status).toBe(200);
    await client.leave();
  });
});
