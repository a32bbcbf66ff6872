import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { placeCall, type FakeCall } from '../../../src/testing/index.js';
import { ChildHost } from '../../support/child-host.js';
import { FakeRealtime } from '../../support/fake-realtime.js';
import { ProcessHost } from '../../support/process-host.js';
import { post } from '../../support/runner-app.js';
import { similarity, speech } from '../../support/sound.js';

let service: FakeRealtime;
const problems: string[] = [];
const toClose: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  service = await FakeRealtime.start();
  service.on('problem', (problem) => problems.push(problem));
});
afterEach(async () => {
  for (const close of toClose.splice(0)) await close();
  await service.close();
  expect(problems).toEqual([]);
});

/** A turn on the phone. @returns a comparison of what was said and heard, which takes its time: a phone that is held up plays late */
async function converse(call: FakeCall): Promise<() => void> {
  const heard = once(service, 'speech');
  await call.speak(speech(1), { pace: 'asap' });
  await call.speak(new Int16Array(8_000), { pace: 'asap' });
  const [there] = (await heard) as [Int16Array];
  await call.heard(4_000);
  return () => {
    expect(similarity(speech(1), 8_000, there, 24_000)).toBeGreaterThan(0.95);
    const answer = service.answer.subarray(0, 12_000);
    expect(similarity(call.audio, 8_000, answer, 24_000)).toBeGreaterThan(0.95);
  };
}

const connectOptions = () => ({ apiKey: service.apiKey, url: service.url });

describe('OpenAI agents and processes:', () => {
  it('an agent in a process of its own is interrupted and hung up as others are', async () => {
    const { host, sessions } = await ProcessHost.start({
      module: 'test/support/bots/openai-bot.js',
    });
    toClose.push(() => host.close());
    const errorsMs: number[] = [];
    // A busy machine holds a call up now and then: the phone then plays late.
    while (errorsMs.length < 3 && !errorsMs.some((ms) => ms <= 40)) {
      const call = await host.call({ carrier: 'twilio', body: connectOptions() });
      const compare = await converse(call);
      const [cleared, truncated] = [once(call, 'cleared'), once(service, 'truncated')];
      const spoken = call.speak(speech(1));
      const [unplayedMs] = (await cleared) as [number];
      const heardMs = call.audioBytes.length / 8 - unplayedMs;
      const [audioEndMs] = (await truncated) as [number];
      errorsMs.push(Math.abs(audioEndMs - heardMs));
      await spoken;
      const closed = once(service, 'closed');
      await call.hangUp();
      await closed;
      expect(await sessions.at(-1)!.ended).toMatchObject({ code: 'peer_left' });
      compare();
    }
    expect(Math.min(...errorsMs)).toBeLessThanOrEqual(40);
  });

  it('an application that had one exits by itself within 2 s of its close', async () => {
    const host = await ChildHost.start('test/support/realtime/host.js');
    toClose.push(() => host.kill());
    const { json } = await post(`${host.url}/start`, {
      transport: 'twilio',
      body: connectOptions(),
    });
    const { wsUrl, token } = json as { wsUrl: string; token?: string };
    const url = `${host.url.replace('http', 'ws')}${new URL(wsUrl).pathname}`;
    const call = await placeCall({ carrier: 'twilio', url: token ? `${url}/${token}` : url });
    const compare = await converse(call);
    host.child.kill('SIGTERM');
    await host.printed('closed');
    const closedAtMs = performance.now();
    expect(await host.exit()).toBe(0);
    expect(performance.now() - closedAtMs).toBeLessThan(2_000);
    await call.closed;
    compare();
  });
});
