import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { dispose } from '@livekit/rtc-node';
import type { Browser } from 'playwright-core';
import { LiveKitModule, SessionRegistry } from '../../src/index.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import { launchChromium } from '../support/chromium.js';
import { ConsoleUser } from '../support/console-user.js';
import { LiveKitTestServer } from '../support/livekit-server.js';
import { type RunningApp, runnerModule, startApp } from '../support/runner-app.js';
import { describeWith } from '../support/needs.js';

describeWith('livekit-server', 'chromium')('the console in a LiveKit room', () => {
  let server: LiveKitTestServer;
  let running: RunningApp;
  let browser: Browser;
  let user: ConsoleUser | undefined;

  beforeAll(async () => {
    server = await LiveKitTestServer.reserve();
    const { url, apiKey, apiSecret } = server;
    running = await startApp('fastify', [
      runnerModule('forRoot', {
        launcher: EchoBot,
        transports: [LiveKitModule.forRoot({ url, apiKey, apiSecret })],
        console: true,
      }),
    ]);
    await server.start(`${running.url}/livekit-webhook`);
    browser = await launchChromium();
  });
  afterEach(() => user?.close());
  afterAll(async () => {
    await browser?.close();
    await running?.app.close();
    await server?.kill();
    await dispose();
  });

  it('talks to the bot, and starts again', async () => {
    user = await ConsoleUser.open(browser, `${running.url}/client`);
    expect(await user.transports()).toEqual(['LiveKit']);
    for (let round = 0; round < 2; round++) {
      await user.press('Connect');
      await user.sees(/^ready, RTVI /);
      await user.sees('Hello! I say back what I hear.');
      await user.seesSpeech('Your level');
      await user.seesSpeech('The bot’s level');
      await user.seesFact('Lost from bot', /^\d+\.\d %$/);
      await user.seesFact('Round trip', /^\d+(\.\d)? ms$/);
      const session = running.app
        .get(SessionRegistry, { strict: false })
        .get(await user.fact('Session'))!;
      expect(session.state.name).toBe('running');
      await user.press('Disconnect');
      expect((await session.ended).code).toBe('peer_left');
      await user.sees(/^disconnected$/);
    }
    expect(user.requests.filter((url) => !url.startsWith(`${running.url}/`))).toEqual([]);
    expect(user.complaints).toEqual([]);
  });
});
