import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RtviClient } from '../../../test/support/rtvi-client.js';
import { agentMedia } from './agent-audio.js';
import type { EngineFrame, Engines } from './engine.js';

/** The engine's classes, as far as this test needs them. */
class FakeAudioInput {
  readonly multiStream = { addInputStream: () => undefined };
}
class FakeAudioOutput extends EventEmitter {
  async captureFrame(): Promise<void> {}
  onPlaybackStarted = (): void => undefined;
}
const ENGINES = {
  agents: { voice: { AudioInput: FakeAudioInput, AudioOutput: FakeAudioOutput } },
} as unknown as Engines;

const SECOND: EngineFrame = {
  ...{ data: new Int16Array(8_000), sampleRate: 8_000, channels: 1, samplesPerChannel: 8_000 },
};

let client: RtviClient;
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  client = new RtviClient();
});
afterEach(() => {
  client.transport.close();
  jest.useRealTimers();
});

describe('the speech of a LiveKit agent', () => {
  it('is held up once ten seconds of it wait for their playback', async () => {
    const { signal } = new AbortController();
    const events = { text: () => undefined, finished: () => undefined };
    const { audioOutput } = agentMedia(ENGINES, client.transport, events, signal);
    let taken = 0;
    for (let i = 0; i < 20; i++) {
      void audioOutput.captureFrame(SECOND).then(() => taken++);
      await new Promise(setImmediate);
    }
    expect(taken).toBe(10);
  });
});
