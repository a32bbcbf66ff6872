import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connectClient, type FakeClient } from '../../../src/testing/index.js';
import { ChildHost } from '../../support/child-host.js';
import { post } from '../../support/runner-app.js';
import { atRate, similarity, speech } from '../../support/sound.js';

interface StandIn {
  readonly startStandIn: () => Promise<{ baseURL: string }>;
}

/** Two seconds of somebody who speaks, at the rate of clients. */
const SPEECH = atRate(speech(2), 8_000, 16_000);
const silence = (seconds: number) => new Int16Array(16_000 * seconds);

describe('examples/first-voice, without an account', () => {
  let runner: ChildHost;
  let client: FakeClient;
  beforeEach(async () => {
    const flags = ['--host', '127.0.0.1', '--port', '0', '--bot', 'examples/first-voice/bot.js'];
    const none = { OPENAI_API_KEY: '', OPENAI_BASE_URL: '' };
    runner = await ChildHost.startWith(none, 'dist/main.js', ...flags);
    const { json } = await post(`${runner.url}/start`, { transport: 'websocket' });
    client = await connectClient(String(json.wsUrl));
    await client.ready();
  });
  afterEach(() => runner.kill());

  const nextText = async (type: 'bot-output' | 'user-transcription') =>
    String((await client.next(type)).data?.text);

  it('says what it is in the voice of the stand-in', async () => {
    const greeting = await nextText('bot-output');
    expect(greeting).toMatch(/^Hello! I live on your machine and have no account/);
    const file: string = '../../../examples/first-voice/stand-in.js';
    const { startStandIn } = (await import(file)) as StandIn;
    const { baseURL } = await startStandIn();
    const spoken = await fetch(`${baseURL}/audio/speech`, {
      method: 'POST',
      body: JSON.stringify({ input: greeting }),
    });
    const pcm = new Int16Array(await spoken.arrayBuffer());
    // The agent has it spoken sentence by sentence, so that only the beginning is the same to the sample.
    expect(similarity(client.audio, 24_000, pcm.subarray(0, 12_000), 24_000)).toBeGreaterThan(0.9);
    expect(client.audio.length / pcm.length).toBeCloseTo(1, 0);
  });

  it('answers what it hears, and remembers of an interrupted answer what was heard', async () => {
    await nextText('bot-output');
    await client.speak(SPEECH);
    void client.speak(silence(4));
    expect(await nextText('user-transcription')).toMatch(
      /^\((1\.[5-9]|2\.[0-3]) seconds of speech\)$/,
    );
    await client.next('bot-started-speaking');
    await once(client, 'audio');
    await client.speak(silence(4));

    const paused = client.next('bot-stopped-speaking');
    await client.speak(SPEECH);
    void client.speak(silence(8));
    await paused;
    const heard = await nextText('bot-output');
    expect(heard).toMatch(/^You spoke for \d\.\d seconds\. Now interrupt me\./);
    expect(heard).not.toMatch(/Your turn!$/);
    const lastWord = /(\w+)\W*$/.exec(heard)![1];
    expect(await nextText('bot-output')).toMatch(
      new RegExp(`^You interrupted me for \\d\\.\\d seconds\\..* ${lastWord}\\. Your turn!$`),
    );
  });

  it('reads what is written, and exits after the conversation', async () => {
    await client.next('bot-started-speaking');
    client.send('send-text', { content: 'good morning', options: { run_immediately: true } });
    await client.next(({ data }) => data?.text === 'You wrote: good morning. Your turn!');
    client.socket.close();
    await runner.printed('ended: peer_left');
    runner.child.kill('SIGTERM');
    expect(await runner.exit()).toBe(0);
  });
});
