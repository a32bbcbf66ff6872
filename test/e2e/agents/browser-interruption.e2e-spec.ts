import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { AgentHost, type HostEvent } from '../../support/agents/agent-host.js';
import { heardErrorMs } from '../../support/agents/heard-error.js';
import { STOP, STOPPED, STORY, TALE } from '../../support/agents/story.js';
import { attempts } from '../../support/attempts.js';
import { BrowserPage } from '../../support/browser-page.js';
import { BrowserUser } from '../../support/browser-user.js';
import { launchChromium } from '../../support/chromium.js';
import { FakeOpenAi } from '../../support/fake-openai.js';
import { Microphone } from '../../support/microphone.js';
import { describeWith } from '../../support/needs.js';
import { silence, spoken } from '../../support/spoken.js';

jest.setTimeout(150_000);

const VOICE_HZ = 24_000;

describeWith('espeak-ng', 'chromium')("an agent of LiveKit's library, in Chromium", () => {
  let openai: FakeOpenAi;
  let host: AgentHost;
  let page: BrowserPage;
  let microphone: Microphone;
  let browser: Browser | undefined;

  beforeAll(async () => {
    openai = await FakeOpenAi.start();
    await openai.sentences.learn(STORY, STOP);
    openai.when({ user: STORY }, { say: TALE }).when({ user: STOP }, { say: STOPPED });
    host = await AgentHost.start(openai);
    page = await BrowserPage.serve();
    microphone = await Microphone.of(
      VOICE_HZ,
      // A connection may take some seconds on a busy machine.
      silence(9_000, VOICE_HZ),
      await spoken(STORY, VOICE_HZ),
      silence(5_000, VOICE_HZ),
      await spoken(STOP, VOICE_HZ),
      silence(20_000, VOICE_HZ),
    );
  });
  afterEach(async () => {
    await browser?.close();
    browser = undefined;
  });
  afterAll(async () => {
    const exitMs = await host?.close();
    await openai?.close();
    await page?.close();
    await microphone?.remove();
    expect(exitMs).toBeLessThan(2_000);
  });

  it('is silent at once when the user interrupts it over WebRTC, and keeps what was heard', async () => {
    await attempts(async () => {
      await browser?.close();
      const { silentMs, textErrorMs } = await interrupted();
      expect(silentMs).toBeLessThan(150);
      expect(textErrorMs).toBeLessThan(200);
    });
  }, 300_000);

  /** Interrupts a story. @returns the times, in milliseconds, until Chromium plays silence, and by which the history differs from what it has played */
  async function interrupted() {
    openai.problems.length = 0;
    browser = await launchChromium(microphone.path);
    const tab = await browser.newPage();
    await tab.goto(page.url);
    const user = new BrowserUser(tab);
    const turnHandling = { interruption: { resumeFalseInterruption: false } };
    await user.connect('webrtc', host.url, { turnHandling });
    const { session, atMs } = await host.next((event) => event.cleared, 60_000);
    const told = (meets: (event: HostEvent) => unknown) =>
      host.next((event) => event.session === session && meets(event));
    const { playedMs } = await told((event) => event.playedMs !== undefined);
    const { text, interrupted } = await told(({ role }) => role === 'assistant');
    await told((event) => event.text === STOPPED);
    const [tale] = await user.utterances();
    const heardMs = tale!.toMs - tale!.fromMs;
    const silentMs = tale!.toMs - atMs!;
    const textErrorMs = await heardErrorMs(TALE, text!, heardMs);
    console.log(
      `Chromium: silent after ${silentMs.toFixed()} ms; heard ${heardMs.toFixed()} ms, played ${playedMs!.toFixed()} ms, kept "${text}" (${textErrorMs.toFixed()} ms off)`,
    );
    expect(interrupted).toBe(true);
    const { messages } = openai.of('/chat/completions').at(-1)!.body as {
      messages: { role: string; content: string }[];
    };
    expect(messages.slice(1).map(({ role, content }) => [role, content])).toEqual([
      ['user', STORY],
      ['assistant', text],
      ['user', STOP],
    ]);
    await user.leave();
    expect(await host.end({ session: session! })).toMatchObject({ ended: 'peer_left' });
    expect(openai.problems).toEqual([]);
    return { silentMs, textErrorMs };
  }
});
