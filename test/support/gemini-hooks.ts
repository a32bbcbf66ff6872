import { afterEach, beforeEach, expect } from '@jest/globals';
import { FakeGemini } from './fake-gemini.js';
import { GeminiHost } from './gemini-host.js';

/** Model of the current test. It must have had nothing to refuse. */
export let gemini: FakeGemini;
/** Host of the current test, whose bots talk to the model. */
export let running: GeminiHost;

beforeEach(async () => {
  gemini = await FakeGemini.start();
  running = await GeminiHost.start(gemini);
});
afterEach(async () => {
  await running.host.close();
  await gemini.close();
  expect(gemini.problems).toEqual([]);
  // The key is part of the URL.
  expect(running.lines.text).not.toContain(gemini.apiKey);
});
