import { afterEach, describe, expect, it } from '@jest/globals';
import {
  BotLauncher,
  createTransport,
  type RunnerArguments,
  RunnerModule,
  WebSocketModule,
} from '../../src/index.js';
import { RtviSession } from '../../src/bot.js';
import { connectClient, placeCall, startHost, type TestHost } from '../../src/testing/index.js';

/** Says two things, and then so much. */
class TalkingBot extends BotLauncher {
  async launch(args: RunnerArguments): Promise<void> {
    const transport = await createTransport(args);
    const rtvi = new RtviSession(transport);
    for (const text of ['one', 'two']) rtvi.send('bot-output', { text, aggregated_by: 'word' });
    for await (const message of transport.messages()) {
      const { seconds } = message as { seconds?: number };
      if (seconds === undefined) continue;
      await transport.sendAudio({ pcm: new Int16Array(24_000 * seconds), sampleRateHz: 24_000 });
    }
  }
}

let host: TestHost | undefined;
afterEach(async () => {
  await host?.close();
  host = undefined;
});

async function client() {
  host = await startHost(
    RunnerModule.forRoot({ launcher: TalkingBot, transports: [WebSocketModule.forRoot()] }),
    { logger: false },
  );
  return host.connect();
}

describe('FakeClient', () => {
  it('returns each message once, in any order', async () => {
    const talking = await client();
    await talking.ready();
    talking.send('nonsense');
    const { type } = await talking.next('error-response');
    const outputs = [await talking.next('bot-output'), await talking.next('bot-output')];
    expect(type).toBe('error-response');
    expect(outputs.map(({ data }) => data?.text)).toEqual(['one', 'two']);
    expect(talking.messages).toHaveLength(4);
    await talking.leave();
  });

  it('returns the received audio', async () => {
    const talking = await client();
    await talking.ready();
    talking.sendMessage({ seconds: 0.1 });
    await talking.heard(2_400);
    expect(talking.audio.length).toBeGreaterThanOrEqual(2_400);
    await talking.leave();
  });
});

it.each<[string, () => Promise<unknown>]>([
  ['client', () => connectClient('ws://127.0.0.1:1/ws-client')],
  ['caller', () => placeCall({ carrier: 'twilio', url: 'ws://127.0.0.1:1/ws' })],
])('connecting a refused %s rejects', async (_, connect) => {
  await expect(connect()).rejects.toThrow(/ECONNREFUSED/);
  // Rejections that nobody handles fail the test.
  await new Promise(setImmediate);
});
