import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { connectClient } from '../../../src/testing/index.js';
import { ChildHost } from '../../support/child-host.js';
import { FakeGemini } from '../../support/fake-gemini.js';
import { ProcessHost } from '../../support/process-host.js';
import { post } from '../../support/runner-app.js';
import { similarity, speech, tone } from '../../support/sound.js';

let gemini: FakeGemini;
let env: Record<string, string>;
beforeEach(async () => {
  gemini = await FakeGemini.start();
  env = {
    GEMINI_API_KEY: gemini.apiKey,
    GEMINI_MODEL: gemini.model,
    GOOGLE_GEMINI_BASE_URL: gemini.baseUrl,
  };
});
afterEach(async () => {
  await gemini.close();
  expect(gemini.problems).toEqual([]);
});

it('Gemini Live has whole turns in a process of its own', async () => {
  const running = await ProcessHost.start({
    module: 'test/support/bots/gemini-bot.js',
    env: { PATH: process.env.PATH!, ...env },
  });
  const call = await running.host.call({ carrier: 'twilio' });
  await gemini.connected();
  await call.speak(speech(1), { pace: 'asap' });
  await call.speak(new Int16Array(8_000), { pace: 'asap' });
  await call.heard(16_000);
  expect(similarity(call.audio, 8_000, gemini.answer.subarray(0, 48_000), 24_000)).toBeGreaterThan(
    0.95,
  );
  const closed = once(gemini, 'closed');
  await call.hangUp();
  await closed;
  expect(await running.sessions[0]!.ended).toMatchObject({ code: 'peer_left' });
  await running.host.close();
});

it('an application that used Gemini Live exits within 2 s after app.close()', async () => {
  gemini.answer = tone(600, 24_000, 0.5);
  const app = await ChildHost.startWith(env, 'test/support/gemini-app.js');
  try {
    const { json } = await post(`${app.url}/start`, { transport: 'websocket' });
    const client = await connectClient(String(json.wsUrl));
    await gemini.connected();
    await client.speak(tone(440, 16_000, 0.5), { pace: 'asap' });
    await client.speak(new Int16Array(16_000), { pace: 'asap' });
    await client.heard(6_000);
    await client.leave();
    app.child.kill('SIGTERM');
    await app.printed('the application is closed');
    const closedAtMs = performance.now();
    expect(await app.exit()).toBe(0);
    expect(performance.now() - closedAtMs).toBeLessThan(2_000);
  } finally {
    await app.kill();
  }
});
