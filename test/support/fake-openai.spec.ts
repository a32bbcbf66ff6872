import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { FakeOpenAi } from './fake-openai.js';
import { describeWith } from './needs.js';
import { atRate, tone, wavOf } from './sound.js';
import { joined, silence, spoken } from './spoken.js';

const SENTENCES = [
  'What is the weather in Paris?',
  'I would like to talk to a human being.',
  'Stop, please stop talking now.',
  'What is the weather in London?',
  'Please tell me a long story.',
];

describeWith('espeak-ng')('the stand-in for OpenAI', () => {
  let openai: FakeOpenAi;
  beforeAll(async () => {
    openai = await FakeOpenAi.start();
    await openai.sentences.learn(...SENTENCES);
  });
  afterAll(() => openai.close());
  beforeEach(() => {
    openai.problems.length = 0;
  });

  const ask = (path: string, body: string | FormData, key = openai.apiKey) =>
    fetch(`${openai.url}${path}`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${key}` },
    });

  async function transcribe(pcm: Int16Array, rateHz = 24_000): Promise<unknown> {
    const form = new FormData();
    form.set('file', new File([new Uint8Array(wavOf(pcm, rateHz))], 'audio.wav'));
    form.set('model', 'whisper-1');
    form.set('response_format', 'json');
    return ((await (await ask('/audio/transcriptions', form)).json()) as { text: string }).text;
  }

  it('knows each sentence by its sound, at any loudness, over a phone', async () => {
    for (const text of SENTENCES) {
      const phone = await spoken(text, 8_000);
      const quiet = atRate(phone, 8_000, 24_000).map((sample) => sample / 3);
      expect(await transcribe(joined(silence(400, 24_000), quiet, silence(600, 24_000)))).toBe(
        text,
      );
    }
  });

  it('knows neither half a sentence nor two, nor another sound', async () => {
    const [first, second] = await Promise.all(SENTENCES.map((text) => spoken(text, 24_000)));
    expect(await transcribe(first!.slice(first!.length / 2))).toBe('');
    expect(await transcribe(joined(first!, second!))).toBe('');
    expect(await transcribe(tone(440, 24_000, 1.4))).toBe('');
    expect(await transcribe(await spoken('Where are my new running shoes?', 24_000))).toBe('');
  });

  it.each([
    ['a wrong key', '/chat/completions', '{}', 401, 'sk-another'],
    ['a wrong path', '/completions', '{}', 404, undefined],
    ['no model', '/chat/completions', '{"stream":true}', 404, undefined],
    ['no messages', '/chat/completions', '{"model":"gpt-4.1","stream":true}', 400, undefined],
    ['no voice', '/audio/speech', '{"model":"tts-1","input":"Hi"}', 400, undefined],
  ])('refuses %s, and says so', async (_, path, body, status, key) => {
    expect((await ask(path, body, key)).status).toBe(status);
    expect(openai.problems).toHaveLength(1);
  });
});
