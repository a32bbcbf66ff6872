import type { EventEmitter } from 'node:events';
import { beforeAll, describe, expect, it } from '@jest/globals';
import * as agents from '@livekit/agents';
import { LLM, realtime, STT, TTS } from '@livekit/agents-plugin-openai';
import { attempts } from '../../test/support/attempts.js';
import { FakeRealtime } from '../../test/support/fake-realtime.js';
import { until } from '../../test/support/until.js';
import { shareProcess } from './livekit-agents.js';

const { initializeLogger, Task } = agents;

/** A task that ends when it is cancelled, after so long. */
const task = (endsAfterMs = 0) =>
  Task.from(
    ({ signal }) =>
      new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => setTimeout(resolve, endsAfterMs)),
      ),
  );
const timers = () => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;

/** The first rejection that nobody handles, of a request for speech that is refused. */
async function speakInVain(): Promise<unknown> {
  const tts = new TTS({ apiKey: 'none', baseURL: 'http://127.0.0.1:1/v1' });
  const connOptions = { maxRetry: 0, retryIntervalMs: 0, timeoutMs: 1_000 };
  let unhandled: unknown;
  const note = (reason: unknown) => (unhandled = reason);
  process.once('unhandledRejection', note);
  await tts.synthesize('Hello', connOptions).next();
  await new Promise((resolve) => setTimeout(resolve, 50));
  process.off('unhandledRejection', note);
  return unhandled;
}

/** Number of connections to a realtime model after one was closed. */
async function leftOpen(): Promise<number> {
  const fake = await FakeRealtime.start();
  const baseURL = fake.url.replace(/^ws(.*)\/realtime$/, 'http$1');
  const session = new realtime.RealtimeModel({ apiKey: fake.apiKey, baseURL }).session();
  await until(() => fake.connections === 1);
  await session.close();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { connections } = fake;
  await fake.close();
  return connections;
}

describe('an engine that shares its process with other calls', () => {
  beforeAll(() => initializeLogger({ pretty: false, level: 'silent' }));

  it('would leave timers and reject unheard, which is why it is mended', async () => {
    // A timer of somebody else may end meanwhile.
    await attempts(async () => {
      const before = timers();
      await task().cancelAndWait(1_000);
      expect(timers()).toBe(before + 1);
    });
    expect(() =>
      new TTS({ apiKey: 'none' }).emit('error', new Error('unheard') as never),
    ).toThrow();
    // Now and then the engine does close it.
    await attempts(async () => expect(await leftOpen()).toBe(1));
  });

  it('may be mended twice', () => {
    shareProcess(agents);
    shareProcess(agents);
  });

  it('leaves no connection to a realtime model', async () => {
    expect(await leftOpen()).toBe(0);
  });

  it('leaves no timer of a cancelled task', async () => {
    const before = timers();
    expect(await task().cancelAndWait(1_000)).toBe('completed');
    expect(await task().cancelAndWait()).toBe('completed');
    expect(timers()).toBe(before);
  });

  it('still gives up a task that does not end', async () => {
    await expect(task(500).cancelAndWait(10)).rejects.toThrow('Task cancellation timed out');
  });

  it.each<[string, { on(event: 'metrics_collected', heard: () => void): EventEmitter }]>([
    ['voice activity detection', new agents.inference.VAD()],
    ['text-to-speech service', new TTS({ apiKey: 'none' })],
    ['speech-to-text service', new STT({ apiKey: 'none' })],
    ['language model', new LLM({ apiKey: 'none' })],
  ])('lets many sessions share one %s without a warning', (_, shared) => {
    expect(shared.on('metrics_collected', () => undefined).getMaxListeners()).toBe(0);
  });

  it('survives a service that fails and that nobody listens to', async () => {
    expect(await speakInVain()).toBeUndefined();
  });
});
