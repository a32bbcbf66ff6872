import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { AgentHost, type HostEvent } from '../../support/agents/agent-host.js';
import type { Caller } from '../../support/agents/caller.js';
import { heardErrorMs, speechMs } from '../../support/agents/heard-error.js';
import { callOverWebRtc } from '../../support/agents/web-rtc-line.js';
import { STOP, STOPPED, STORY, TALE } from '../../support/agents/story.js';
import { attempts } from '../../support/attempts.js';
import { BrowserPage } from '../../support/browser-page.js';
import { BrowserUser } from '../../support/browser-user.js';
import { launchChromium } from '../../support/chromium.js';
import { FakeOpenAi } from '../../support/fake-openai.js';
import { LiveKitTestServer } from '../../support/livekit-server.js';
import { LiveKitUser } from '../../support/livekit-user.js';
import { Microphone } from '../../support/microphone.js';
import { describeWith, itWith } from '../../support/needs.js';
import { post } from '../../support/runner-app.js';
import { found } from '../../support/sound.js';
import { silence, spoken } from '../../support/spoken.js';
import { warmUp } from '../../support/webrtc-client.js';

jest.setTimeout(150_000);

const WEATHER = 'What is the weather in Paris?';
const ANSWER = 'It is 22 degrees in Paris.';

const VOICE_HZ = 24_000;

type Heard = { readonly pcm: Int16Array; readonly rateHz: number };

/** Similarity of what was heard and a sentence. */
const likeness = async ({ pcm, rateHz }: Heard, text: string) =>
  found(pcm, rateHz, await spoken(text, VOICE_HZ), VOICE_HZ);

describeWith('espeak-ng')("an agent of LiveKit's library", () => {
  let openai: FakeOpenAi;
  let host: AgentHost;
  let caller: Caller | undefined;
  let microphone: Microphone;

  beforeAll(warmUp, 60_000);
  beforeAll(async () => {
    openai = await FakeOpenAi.start();
    await openai.sentences.learn(WEATHER, STORY, STOP);
    openai
      .when({ user: WEATHER }, { call: 'get_weather', with: { city: 'Paris' } })
      .when({ tool: 'get_weather' }, { say: (result) => `It is ${JSON.parse(result)}.` })
      .when({ user: STORY }, { say: TALE })
      .when({ user: STOP }, { say: STOPPED });
    const question = await spoken(WEATHER, VOICE_HZ);
    microphone = await Microphone.of(
      VOICE_HZ,
      ...[silence(3_000, VOICE_HZ), question, silence(7_000, VOICE_HZ)],
    );
  });
  afterEach(async () => {
    await caller?.leave();
    caller = undefined;
    const exitMs = await host?.close();
    expect(openai.problems.splice(0)).toEqual([]);
    expect(exitMs).toBeLessThan(2_000);
  });
  afterAll(async () => {
    await openai?.close();
    await microphone?.remove();
  });

  /** The agent's answer. @returns its session */
  const answered = async (text: string): Promise<{ session: string }> => {
    const { session } = await host.next((event) => event.text === text, 40_000);
    return { session: session! };
  };

  itWith('chromium')(
    'over WebRTC in a browser: hears a question, answers it, and shows both to the page',
    () =>
      attempts(async () => {
        await host?.close();
        host = await AgentHost.start(openai);
        const page = await BrowserPage.serve();
        const browser = await launchChromium(microphone.path);
        try {
          const tab = await browser.newPage();
          await tab.goto(page.url);
          const user = new BrowserUser(tab);
          await user.connect('webrtc', host.url);
          await user.says(`user: ${WEATHER}`);
          const heard = await user.hear(4);
          await user.says(`bot: ${ANSWER}`);
          expect(await likeness(heard, ANSWER)).toBeGreaterThan(0.8);
          const session = await answered(ANSWER);
          await user.leave();
          expect(await host.end(session)).toMatchObject({ ended: 'peer_left' });
        } finally {
          await browser.close();
          await page.close();
        }
      }),
  );

  it('over WebRTC: is silent at once when the user interrupts it, and keeps what they heard', async () => {
    host = await AgentHost.start(openai);
    await attempts(async () => {
      await caller?.leave();
      const { silentMs, playedErrorMs, textErrorMs } = await interrupted();
      expect(silentMs).toBeLessThan(150);
      expect(playedErrorMs).toBeLessThan(100);
      // Where in the text that is, is reckoned.
      expect(textErrorMs).toBeLessThan(400);
    });
  }, 240_000);

  /** Interrupts a story. @returns the times, in milliseconds, by which it is silent, and its history differs from what was heard */
  async function interrupted() {
    const interruption = { resumeFalseInterruption: false };
    const user = await callOverWebRtc(host, { turnHandling: { interruption } });
    caller = user;
    const told = (meets: (event: HostEvent) => unknown) =>
      host.next((event) => event.session === user.session && meets(event));
    await user.say(STORY);
    await told(({ firstFrame }) => firstFrame);
    await user.hears(2_500);
    const [{ atMs }] = await Promise.all([told(({ cleared }) => cleared), user.say(STOP)]);
    const heardMs = speechMs(user.heard.pcm, user.heard.rateHz);
    const silentMs = user.lastArrivalMs - atMs!;
    const { playedMs } = await told((event) => event.playedMs !== undefined);
    const { text, interrupted } = await told(({ role }) => role === 'assistant');
    const textErrorMs = await heardErrorMs(TALE, text!, heardMs);
    console.log(
      `WebRTC: silent after ${silentMs} ms; heard ${heardMs} ms, played ${playedMs!.toFixed()} ms, kept "${text}" (${textErrorMs} ms off)`,
    );
    expect(interrupted).toBe(true);
    await answered(STOPPED);
    await user.silence(400);
    expect(await likeness(user.heard, STOPPED)).toBeGreaterThan(0.9);
    await user.leave();
    expect(await host.end(user)).toMatchObject({ ended: 'peer_left' });
    return { silentMs, playedErrorMs: Math.abs(playedMs! - heardMs), textErrorMs };
  }

  itWith('livekit-server', 'chromium')(
    'in a room: hears a question, answers it, and ends when the user leaves',
    () =>
      attempts(async () => {
        const server = await LiveKitTestServer.reserve();
        const { url, apiKey, apiSecret } = server;
        host = await AgentHost.start(openai, { livekit: { url, apiKey, apiSecret } });
        await server.start(`${host.url}/livekit-webhook`);
        const user = await LiveKitUser.open(microphone.path);
        try {
          const { json, sessionId } = await post(`${host.url}/start`, { transport: 'livekit' });
          await user.join(String(json.url), String(json.token));
          await user.says('participant');
          const about = { version: '2.1.0' };
          await user.send({ label: 'rtvi-ai', type: 'client-ready', id: '1', data: about });
          expect(await user.receives('user-transcription')).toMatchObject({
            data: { text: WEATHER, final: true },
          });
          expect(await user.receives('bot-output')).toMatchObject({ data: { text: ANSWER } });
          expect(await answered(ANSWER)).toEqual({ session: sessionId });
          expect(await likeness(await user.heard(), ANSWER)).toBeGreaterThan(0.8);
          await user.leave();
          expect(await host.end({ session: sessionId })).toMatchObject({ ended: 'peer_left' });
        } finally {
          await user.close();
          await host.close();
          await server.kill();
        }
      }),
  );
});
