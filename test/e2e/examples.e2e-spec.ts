import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RealtimeBot } from '../../examples/realtime-bot.js';
import { RunnerModule, TelephonyModule, WebSocketModule } from '../../src/index.js';
import { startHost, type TestHost } from '../../src/testing/index.js';
import { FakeRealtime } from '../support/fake-realtime.js';
import { atRate, similarity, speech, tone } from '../support/sound.js';

describe('examples: the bridge to a speech-to-speech service', () => {
  let service: FakeRealtime;
  let host: TestHost;
  const problems: string[] = [];

  beforeEach(async () => {
    service = await FakeRealtime.start();
    service.on('problem', (problem) => problems.push(problem));
    Object.assign(process.env, { REALTIME_URL: service.url, REALTIME_API_KEY: service.apiKey });
    host = await startHost(
      RunnerModule.forRoot({
        launcher: RealtimeBot,
        transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
      }),
      { logger: false },
    );
  });
  afterEach(async () => {
    await host.close();
    await service.close();
    expect(problems).toEqual([]);
  });

  it('carries a phone call: speech in, answer out, silence on barge-in', async () => {
    const call = await host.call({ carrier: 'twilio' });
    const said = speech(1);
    const heardThere = once(service, 'speech');
    await call.speak(said, { pace: 'asap' });
    await call.speak(new Int16Array(8_000), { pace: 'asap' });
    const [there] = (await heardThere) as [Int16Array];
    expect(similarity(said, 8_000, there, 24_000)).toBeGreaterThan(0.95);

    await call.heard(4_000);
    expect(
      similarity(call.audio, 8_000, service.answer.subarray(0, 12_000), 24_000),
    ).toBeGreaterThan(0.95);
    const cleared = once(call, 'cleared');
    const truncated = once(service, 'truncated');
    await call.speak(said.subarray(4_000), { pace: 'asap' });
    await cleared;
    // Of three seconds, what was spoken until then.
    const [audioEndMs] = (await truncated) as [number];
    expect(audioEndMs).toBeGreaterThan(300);
    expect(audioEndMs).toBeLessThan(2_000);
    expect(call.audioBytes.length).toBeLessThan(20_000);

    const closed = once(service, 'closed');
    await call.hangUp();
    await closed;
  });

  it('interrupts nothing after playback has finished', async () => {
    service.answer = tone(600, 24_000, 0.4);
    const truncated: number[] = [];
    service.on('truncated', (audioEndMs) => truncated.push(audioEndMs));
    const call = await host.call({ carrier: 'twilio' });
    for (let turn = 0; turn < 2; turn++) {
      const heardThere = once(service, 'speech');
      await call.speak(speech(1), { pace: 'asap' });
      await call.speak(new Int16Array(8_000), { pace: 'asap' });
      await heardThere;
      // As long as the answer, and a moment.
      await call.speak(new Int16Array(8_000));
    }
    expect(call.messages.filter(({ event }) => event === 'clear')).toEqual([]);
    expect(truncated).toEqual([]);
    await call.hangUp();
  });

  it('closes the connection to the service when the caller leaves first', async () => {
    service.admission = new Promise(() => undefined);
    const [asked, closed] = [once(service, 'asked'), once(service, 'closed')];
    const call = await host.call({ carrier: 'twilio' });
    await asked;
    await call.hangUp();
    await closed;
  });

  it('ends only its own call when the service fails', async () => {
    const call = await host.call({ carrier: 'twilio' });
    const heardThere = once(service, 'speech');
    await call.speak(speech(1), { pace: 'asap' });
    await call.speak(new Int16Array(8_000), { pace: 'asap' });
    await heardThere;
    service.break();
    expect((await call.closed).code).toBe(1000);
  });

  it('carries a client’s session, and ends it when the service closes', async () => {
    const client = await host.connect();
    const heardThere = once(service, 'speech');
    const said = atRate(speech(1), 8_000, 16_000);
    await client.speak(said, { pace: 'asap' });
    await client.speak(new Int16Array(16_000), { pace: 'asap' });
    const [there] = (await heardThere) as [Int16Array];
    expect(similarity(said, 16_000, there, 24_000)).toBeGreaterThan(0.95);
    await client.heard(12_000);
    await service.close();
    service = await FakeRealtime.start();
    expect(await client.closed).toEqual({ code: 1000, reason: 'The bot returned.' });
  });
});

describe('docs/bots.md', () => {
  it('quotes the examples unchanged', () => {
    const page = readFileSync('docs/bots.md', 'utf8');
    const source = readFileSync('examples/realtime-bot.ts', 'utf8');
    expect(page).toContain(source.trim());
  });
});
