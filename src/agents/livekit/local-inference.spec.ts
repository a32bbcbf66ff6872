import { describe, expect, it } from '@jest/globals';
import { localInference } from './local-inference.js';

const pcm = Buffer.from(new Int16Array(19_200).buffer).toString('base64');

describe('localInference()', () => {
  const executor = localInference();

  it("asks the model of the engine's turn detector", async () => {
    const { probability, inferenceDurationMs } = await executor.doInference('lk_eot_audio', {
      pcm,
    });
    expect(probability).toBeGreaterThan(0);
    expect(probability).toBeLessThan(1);
    expect(inferenceDurationMs).toBeGreaterThan(0);
  });

  it.each([
    ['lk_end_of_utterance_multilingual', { pcm }],
    ['lk_eot_audio', { pcm: 7 }],
    ['lk_eot_audio', undefined],
  ])('refuses what is none of its: %s %j', async (method, data) => {
    await expect(executor.doInference(method, data)).rejects.toThrow(
      `localInference() runs lk_eot_audio with pcm in base64, not ${method}`,
    );
  });
});
