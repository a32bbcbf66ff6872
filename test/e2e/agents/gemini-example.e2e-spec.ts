import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AppModule } from '../../../examples/gemini-agent/app.module.js';
import { startHost, type TestHost } from '../../../src/testing/index.js';
import { FakeGemini, type Turn } from '../../support/fake-gemini.js';
import { similarity, speech } from '../../support/sound.js';

let gemini: FakeGemini;
let host: TestHost;
beforeEach(async () => {
  gemini = await FakeGemini.start();
  Object.assign(process.env, {
    GEMINI_API_KEY: gemini.apiKey,
    GEMINI_MODEL: gemini.model,
    GOOGLE_GEMINI_BASE_URL: gemini.baseUrl,
  });
  host = await startHost(AppModule, { logger: false });
});
afterEach(async () => {
  await host.close();
  await gemini.close();
  expect(gemini.problems).toEqual([]);
});

describe('examples: the agent of Gemini’s', () => {
  it('greets a caller once, and books a table', async () => {
    const turns: Turn[] = [];
    gemini.on('turn', (turn) => turns.push(turn));
    const call = await host.call({ carrier: 'twilio' });
    const live = await gemini.connected();
    await call.heard(8_000);
    expect(
      similarity(call.audio, 8_000, gemini.answer.subarray(0, 24_000), 24_000),
    ).toBeGreaterThan(0.95);
    expect(live.setup.tools).toMatchObject([{ functionDeclarations: [{ name: 'book_table' }] }]);

    gemini.onTurn = () => live.call('call-1', 'book_table', { day: '2026-12-31', guests: 4 });
    const booked = once(gemini, 'toolResponse');
    await call.speak(speech(1), { pace: 'asap' });
    await call.speak(new Int16Array(8_000), { pace: 'asap' });
    expect(await booked).toMatchObject([
      { id: 'call-1', response: { output: 'Table 1 on 2026-12-31, for 4.' } },
    ]);
    const refused = once(gemini, 'toolResponse');
    live.call('call-2', 'book_table', { day: '2026-12-31', guests: 'many' });
    expect(await refused).toMatchObject([{ response: { error: 'Tables are for 1 to 8 guests.' } }]);

    // Another connection does not greet again.
    live.break();
    await gemini.connected(2);
    expect(turns.filter((turn) => 'text' in turn)).toEqual([{ text: 'Greet the caller.' }]);
    await call.hangUp();
  });
});
