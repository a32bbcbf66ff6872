import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import {
  RunnerModule,
  SessionRegistry,
  SmallWebRtcModule,
  WebSocketModule,
} from '../../src/index.js';
import { BrowserPage } from '../support/browser-page.js';
import { BrowserUser } from '../support/browser-user.js';
import { Firefox, FIREFOX_TONE_HZ } from '../support/firefox.js';
import { ListeningBot } from '../support/listening-bot.js';
import { type RunningApp, startApp } from '../support/runner-app.js';
import { tone } from '../support/sound.js';
import { describeWith } from '../support/needs.js';

jest.setTimeout(120_000);

describeWith('firefox-esr', 'pulseaudio')('Firefox', () => {
  let firefox: Firefox;
  let page: BrowserPage;
  let running: RunningApp;
  beforeAll(async () => {
    page = await BrowserPage.serve();
    firefox = await Firefox.launch();
  });
  afterEach(() => running.app.close());
  afterAll(async () => {
    await firefox.close();
    await page.close();
  });

  it.each(['webrtc', 'websocket'] as const)('talks to a bot over %s', async (transport) => {
    const bot = new ListeningBot();
    running = await startApp('fastify', [
      RunnerModule.forRoot({
        launcher: { useValue: bot },
        transports: [SmallWebRtcModule.forRoot(), WebSocketModule.forRoot()],
      }),
    ]);
    const tab = await firefox.browser.newPage();
    await tab.goto(page.url);
    const user = new BrowserUser(tab);
    const [{ session, rtvi }] = await Promise.all([
      bot.next(),
      user.connect(transport, running.url),
    ]);
    expect(await user.likeness(tone(FIREFOX_TONE_HZ, 8_000, 1), 0.1)).toBeGreaterThan(0.8);
    expect(await user.request('ask', { n: 1 })).toEqual({ echo: { n: 1 } });
    rtvi.send('server-message', 'from the bot');
    expect(await user.message(0)).toBe('from the bot');
    const { ended } = running.app.get(SessionRegistry, { strict: false }).require(session.id);
    await user.leave();
    expect((await ended).code).toBe('peer_left');
    await tab.close();
  });
});
