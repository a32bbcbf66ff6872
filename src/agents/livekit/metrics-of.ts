import { fieldOf } from '../../errors/thrown.js';
import type { RtviMetric, RtviOutgoing } from '../../rtvi/rtvi-messages.js';

/** Returns metrics of the engine as RTVI has them: of a language model, speech-to-text or text-to-speech; `undefined` for others. */
export function metricsOf(metrics: unknown): RtviOutgoing['metrics'] | undefined {
  const text = (name: string, of: unknown = metrics): string | undefined => {
    const value = fieldOf(of, name);
    return typeof value === 'string' ? value : undefined;
  };
  const number = (name: string): number => {
    const value = fieldOf(metrics, name);
    return typeof value === 'number' && Number.isFinite(value) ? value : 0;
  };
  const model = text('modelName', fieldOf(metrics, 'metadata'));
  const metric = (value: number): RtviMetric[] => [
    { processor: text('label') ?? 'agent', ...(model !== undefined && { model }), value },
  ];
  const seconds = (name: string): RtviMetric[] => metric(number(name) / 1_000);
  switch (text('type')) {
    case 'llm_metrics':
      return {
        ttfb: seconds('ttftMs'),
        processing: seconds('durationMs'),
        tokens: [
          {
            prompt_tokens: number('promptTokens'),
            completion_tokens: number('completionTokens'),
            total_tokens: number('totalTokens'),
          },
        ],
      };
    case 'tts_metrics':
      return {
        ttfb: seconds('ttfbMs'),
        processing: seconds('durationMs'),
        characters: metric(number('charactersCount')),
      };
    case 'stt_metrics':
      return { processing: seconds('durationMs') };
    default:
      return undefined;
  }
}
