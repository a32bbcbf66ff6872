import type { Browser, BrowserContext, ConsoleMessage, Locator, Page } from 'playwright-core';

type Meter = 'Your level' | 'The bot’s level';

interface WithIceServers {
  iceServers: unknown[];
}

const NOTE_ICE_SERVERS = `{
  const Native = RTCPeerConnection;
  window.iceServers = [];
  window.RTCPeerConnection = class extends Native {
    constructor(configuration) {
      super(configuration);
      iceServers.push(this.getConfiguration().iceServers);
    }
  };
}`;

/** Error of Pipecat's client for a frame sent while the socket closes. */
const LATE_FRAME = 'attempt to send to closed socket';

/** A developer at the browser console of a runner. */
export class ConsoleUser {
  /** Errors of the browser and violations of the content security policy. */
  readonly complaints: string[] = [];
  /** The URLs of everything the page asked for. */
  readonly requests: string[] = [];

  private constructor(
    private readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.on('console', (message: ConsoleMessage) => {
      if (message.type() === 'error' && !message.text().includes(LATE_FRAME))
        this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('request', (request) => this.requests.push(request.url()));
  }

  /** @param prepare done before the page is opened */
  static async open(
    browser: Browser,
    url: string,
    prepare?: (page: Page) => Promise<unknown>,
  ): Promise<ConsoleUser> {
    const context = await browser.newContext({ acceptDownloads: true });
    const user = new ConsoleUser(context, await context.newPage());
    await user.page.addInitScript(NOTE_ICE_SERVERS);
    await prepare?.(user.page);
    await user.page.goto(url);
    return user;
  }

  async press(button: string): Promise<void> {
    await this.page.getByRole('button', { name: button, exact: true }).click();
  }

  /** Resolves once a text is on the page. */
  async sees(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor();
  }

  /** Resolves once the page says that something went wrong, with what it says. */
  async seesProblem(): Promise<string> {
    const alert = this.page.getByRole('alert');
    await alert.waitFor();
    return (await alert.textContent()) ?? '';
  }

  /** Resolves once a meter shows what is louder than -40 decibels. */
  async seesSpeech(meter: Meter): Promise<void> {
    await this.meter(
      meter,
      '[aria-valuenow]' + ['-4', '-5', '-6'].map((db) => `:not([aria-valuenow^="${db}"])`).join(''),
    ).waitFor();
  }

  /** Resolves once a meter shows nothing. */
  async seesSilence(meter: Meter): Promise<void> {
    await this.meter(meter, '[aria-valuenow="-60"]').waitFor();
  }

  /** By what it shows, and not with an expression to evaluate, which the page's policy forbids. */
  private meter(meter: Meter, showing: string): Locator {
    return this.page.getByRole('meter', { name: meter }).and(this.page.locator(showing));
  }

  /** Offered transports. */
  async transports(): Promise<string[]> {
    const select = this.page.getByLabel('Transport');
    await select.waitFor();
    return select.locator('option').allTextContents();
  }

  /** Value of a name in the connection panel. */
  async fact(name: string | RegExp): Promise<string> {
    const value = this.page
      .locator('dt', { hasText: name })
      .locator('xpath=following-sibling::dd[1]');
    return (await value.textContent()) ?? '';
  }

  /** Resolves once the connection panel says such a thing under a name. */
  async seesFact(name: string, value: RegExp): Promise<void> {
    await this.page
      .locator('dt', { hasText: name })
      .locator('xpath=following-sibling::dd[1]')
      .filter({ hasText: value })
      .waitFor();
  }

  /** The ICE servers of each peer connection that the page made. */
  iceServers(): Promise<unknown[]> {
    return this.page.evaluate(() => (globalThis as unknown as WithIceServers).iceServers);
  }

  close(): Promise<void> {
    return this.context.close();
  }
}
