import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { BrowserPage } from './browser-page.js';
import { BrowserUser } from './browser-user.js';
import { launchChromium } from './chromium.js';

/** Chromium for a block of tests, and the tab of the current one. */
export interface InBrowser {
  readonly tab: Page;
  /** Opens the page of Pipecat's published clients. @param where another browser */
  open(where?: Browser): Promise<BrowserUser>;
}

/** Launches Chromium before the tests of a block, and closes the tab after each. Call it before other hooks: theirs come after the tab's. */
export function inBrowser(): InBrowser {
  let page: BrowserPage;
  let browser: Browser;
  let tab: Page;
  beforeAll(async () => {
    page = await BrowserPage.serve();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    await page.close();
  });
  afterEach(() => tab.close());
  return {
    get tab() {
      return tab;
    },
    async open(where = browser) {
      tab = await where.newPage();
      await tab.goto(page.url);
      return new BrowserUser(tab);
    },
  };
}
