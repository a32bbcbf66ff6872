import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { RunnerModule, SmallWebRtcModule } from '../../src/index.js';
import { BrowserPage } from '../support/browser-page.js';
import { BrowserUser } from '../support/browser-user.js';
import { launchChromium } from '../support/chromium.js';
import { Coturn } from '../support/coturn.js';
import { ListeningBot } from '../support/listening-bot.js';
import { PLATFORMS, type RunningApp, startApp } from '../support/runner-app.js';
import { describeWith } from '../support/needs.js';

jest.setTimeout(120_000);

describeWith('chromium', 'coturn')('TURN:', () => {
  let coturn: Coturn;
  let page: BrowserPage;
  let browser: Browser;
  let tab: Page;
  let running: RunningApp;
  beforeAll(async () => {
    coturn = await Coturn.start();
    page = await BrowserPage.serve();
    browser = await launchChromium();
  });
  afterEach(async () => {
    await tab.close();
    await running.app.close();
  });
  afterAll(async () => {
    await browser.close();
    await page.close();
    await coturn.stop();
  });

  it.each(PLATFORMS)(
    'WebRTC through a TURN server only connects browser and bot on %s',
    async (platform) => {
      const bot = new ListeningBot();
      running = await startApp(platform, [
        RunnerModule.forRoot({
          launcher: { useValue: bot },
          transports: [
            SmallWebRtcModule.forRoot({
              iceServers: [coturn.iceServer],
              iceTransportPolicy: 'relay',
            }),
          ],
        }),
      ]);
      tab = await browser.newPage();
      await tab.goto(page.url);
      const user = new BrowserUser(tab);
      await user.useRelaysOnly('browser');
      const [{ rtvi }] = await Promise.all([bot.next(), user.connect('webrtc', running.url)]);
      expect(await user.pair()).toEqual(['relay', 'relay']);
      expect(await user.likeness()).toBeGreaterThan(0.8);
      expect(await user.request('ask', { n: 1 })).toEqual({ echo: { n: 1 } });
      rtvi.send('server-message', 'through the relay');
      expect(await user.message(0)).toBe('through the relay');
      await user.leave();
      await coturn.isFree('runner');
    },
  );
});
