import { describe, expect, it } from '@jest/globals';
import { metricsOf } from './metrics-of.js';

const BASE = { label: 'openai.X', metadata: { modelName: 'x-1' }, durationMs: 900 };
const of = (value: number) => [{ processor: 'openai.X', model: 'x-1', value }];

describe('metrics of the engine', () => {
  it('of a language model are times and tokens', () => {
    const tokens = { promptTokens: 30, completionTokens: 12, totalTokens: 42 };
    expect(metricsOf({ ...BASE, type: 'llm_metrics', ttftMs: 250, ...tokens })).toEqual({
      ttfb: of(0.25),
      processing: of(0.9),
      tokens: [{ prompt_tokens: 30, completion_tokens: 12, total_tokens: 42 }],
    });
  });

  it('of text-to-speech are times and characters', () => {
    expect(metricsOf({ ...BASE, type: 'tts_metrics', ttfbMs: 120, charactersCount: 28 })).toEqual({
      ttfb: of(0.12),
      processing: of(0.9),
      characters: of(28),
    });
  });

  it('of speech-to-text are the time', () => {
    expect(metricsOf({ ...BASE, type: 'stt_metrics' })).toEqual({ processing: of(0.9) });
  });

  it.each([[{ ...BASE, type: 'vad_metrics' }], [{}], [undefined], ['llm_metrics']])(
    'of other kinds are none: %j',
    (metrics) => {
      expect(metricsOf(metrics)).toBeUndefined();
    },
  );

  it('have zeros and no names where the engine has nothing', () => {
    expect(metricsOf({ type: 'stt_metrics', durationMs: NaN, label: 7 })).toEqual({
      processing: [{ processor: 'agent', value: 0 }],
    });
  });
});
