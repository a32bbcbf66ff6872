import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type ExecutionContext, UnauthorizedException } from '@nestjs/common';
import type { Browser, Page } from 'playwright-core';
import {
  BotLauncher,
  type BotSession,
  createTransport,
  DailyModule,
  type RunnerArguments,
  type RunnerModuleExtras,
  type RunnerOptions,
  SessionRegistry,
  SmallWebRtcModule,
  TelephonyModule,
  WebSocketModule,
} from '../../src/index.js';
import { RtviSession } from '../../src/bot.js';
import { EchoBot } from '../../src/standalone/echo.bot.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { launchChromium } from '../support/chromium.js';
import { ConsoleUser } from '../support/console-user.js';
import { PathProxy } from '../support/path-proxy.js';
import { post, type RunningApp, runnerModule, startApp } from '../support/runner-app.js';
import { similarity, tone } from '../support/sound.js';
import { describeWith } from '../support/needs.js';

let running: RunningApp;
afterEach(() => running.app.close());

const start = async (
  options: RunnerOptions & RunnerModuleExtras = {},
  configure?: Parameters<typeof startApp>[2],
): Promise<void> => {
  running = await startApp(
    'fastify',
    [
      runnerModule('forRoot', {
        launcher: EchoBot,
        transports: [WebSocketModule.forRoot()],
        console: true,
        ...options,
      }),
    ],
    configure,
  );
};

const TALKING = [
  ['SmallWebRTC', SmallWebRtcModule.forRoot()],
  ['WebSocket', WebSocketModule.forRoot()],
] as const;

describeWith('chromium')('the console in a browser', () => {
  let browser: Browser;
  let user: ConsoleUser;
  let proxy: PathProxy | undefined;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterEach(async () => {
    await user?.close();
    await proxy?.close();
    proxy = undefined;
  });
  afterAll(() => browser.close());

  const open = async (prepare?: (page: Page) => Promise<unknown>): Promise<void> => {
    user = await ConsoleUser.open(browser, `${running.url}/client`, prepare);
  };

  it.each(TALKING)(
    'talks over %s repeatedly, without third-party requests',
    async (name, module) => {
      await start({ transports: [module] });
      await open();
      expect(await user.transports()).toEqual([name]);
      for (let round = 0; round < 2; round++) {
        await user.press('Connect');
        await user.sees('ready, RTVI 2.2.0');
        await user.sees('Hello! I say back what I hear.');
        await user.seesSpeech('Your level');
        await user.seesSpeech('The bot’s level');
        await user.sees(/^\d+(\.\d)? ms$/);
        if (name === 'SmallWebRTC') {
          await user.seesFact('Lost from bot', /^\d+\.\d %$/);
          await user.seesFact('Lost from you', /^\d+\.\d %$/);
        }
        const session = running.app
          .get(SessionRegistry, { strict: false })
          .get(await user.fact('Session'))!;
        expect(session.state.name).toBe('running');
        await user.press('Disconnect');
        expect((await session.ended).code).toBe('peer_left');
        await user.sees(/^disconnected$/);
      }
      expect(user.complaints).toEqual([]);
      expect(user.requests.filter((url) => !url.startsWith(`${running.url}/`))).toEqual([]);
      expect(await user.iceServers()).toEqual(name === 'SmallWebRTC' ? [[], []] : []);
    },
  );

  it.each(TALKING)('records both sides of %s', async (_, module) => {
    await start({ transports: [module] });
    await open();
    await user.press('Record');
    await user.sees('Waits for the conversation');
    await user.press('Connect');
    await user.sees('Stop 0:05');
    await user.press('Disconnect');
    const download = user.page.waitForEvent('download');
    await user.page.getByRole('link', { name: 'Download' }).click();
    const file = await download;
    expect(file.suggestedFilename()).toMatch(/^conversation-[\dT-]+\.wav$/);
    const wav = await readFile(await file.path());
    expect(wav.toString('latin1', 0, 4) + wav.toString('latin1', 8, 16)).toBe('RIFFWAVEfmt ');
    expect([wav.readUInt16LE(22), wav.readUInt32LE(24)]).toEqual([2, 24_000]);
    expect(wav.readUInt32LE(40)).toBe(wav.length - 44);
    const side = (channel: number) =>
      Int16Array.from({ length: (wav.length - 44) / 4 }, (_, i) =>
        wav.readInt16LE(44 + i * 4 + channel * 2),
      );
    const [said, heard] = [side(0), side(1)];
    expect(said.length).toBeGreaterThan(4 * 24_000);
    // Half a second that came back whole: where the machine is busy, a browser's audio has gaps.
    const likeness = [0.5, 1, 1.5, 2, 2.5, 3, 3.5].map((second) => {
      const at = second * 24_000;
      const spoken = said.subarray(at, at + 12_000);
      return similarity(heard.subarray(at, at + 30_000), 24_000, spoken, 24_000);
    });
    expect(Math.max(...likeness)).toBeGreaterThan(0.8);
    expect(user.complaints).toEqual([]);
  });

  it('shows typed text, the bot’s answers, and sends DTMF', async () => {
    const pressed: string[] = [];
    class KeyBot extends EchoBot {
      override async launch(args: RunnerArguments, session: BotSession): Promise<void> {
        const transport = await createTransport(args);
        const rtvi = new RtviSession(transport);
        rtvi.on('send-text', ({ content }) =>
          rtvi.send('bot-output', { text: `You wrote ${content}.`, aggregated_by: 'sentence' }),
        );
        session.ready();
        for await (const key of transport.dtmfIn()) {
          pressed.push(key);
          rtvi.send('bot-output', { text: `You pressed ${key}.`, aggregated_by: 'sentence' });
        }
      }
    }
    await start({ launcher: KeyBot });
    await open();
    await user.press('Connect');
    await user.sees('ready, RTVI 2.2.0');
    await user.page.getByPlaceholder('Type message...').fill('tea');
    await user.page.keyboard.press('Enter');
    await user.sees('You wrote tea.');
    await user.press('Keypad');
    await user.page.getByPlaceholder('Enter digits').fill('4#');
    await user.press('Send');
    await user.sees('You pressed #.');
    expect(pressed).toEqual(['4', '#']);
    expect(user.complaints).toEqual([]);
  });

  it('uploads a file, and sends it to the bot with a text', async () => {
    class ReadingBot extends BotLauncher {
      async launch(args: RunnerArguments, session: BotSession): Promise<void> {
        const transport = await createTransport(args);
        const rtvi = new RtviSession(transport);
        session.ready();
        rtvi.on('send-file', ({ content, file }) => {
          const reading = args.file_storage!.load(file.source.url!);
          void reading.then((read) => {
            const text = `${content} ${file.name} (${file.format}): ${String(read)}`;
            rtvi.send('bot-output', { text, output_type: 'sentence' });
          });
        });
        await once(session.signal, 'abort');
      }
    }
    const folder = await mkdtemp(join(tmpdir(), 'console-'));
    try {
      await start({ launcher: ReadingBot, uploads: { folder, maxBytes: 1_000 } });
      await open();
      await user.press('Connect');
      await user.sees('ready, RTVI 2.2.0');
      const choose = (content: string) =>
        user.page.getByLabel('File for the bot').setInputFiles({
          name: 'menu.txt',
          mimeType: 'text/plain',
          buffer: Buffer.from(content),
        });
      await user.page.getByLabel('Text that goes with it').fill('Read this:');
      await choose('soup');
      await user.press('Send file');
      await user.sees('Sent menu.txt.');
      await user.sees('Read this: menu.txt (text/plain): soup');
      expect(await user.page.getByRole('alert').count()).toBe(0);
      await choose('x'.repeat(1_001));
      await user.press('Send file');
      expect(await user.seesProblem()).toMatch(/larger than 1000 bytes/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('sends a file to the echo bot, which names it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'console-'));
    try {
      await start({ uploads: { folder } });
      await open();
      await user.press('Connect');
      await user.sees('ready, RTVI 2.2.0');
      await user.page
        .getByLabel('File for the bot')
        .setInputFiles({ name: 'menu.txt', mimeType: 'text/plain', buffer: Buffer.from('soup') });
      await user.press('Send file');
      await user.sees('You sent menu.txt.');
      expect(await user.page.getByRole('alert').count()).toBe(0);
      expect(user.complaints).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('sends UI events, snapshots and cancellations, and lists the UI messages of the bot', async () => {
    class ShopBot extends BotLauncher {
      async launch(args: RunnerArguments, session: BotSession): Promise<void> {
        const rtvi = new RtviSession(await createTransport(args));
        rtvi.on('ui-event', ({ event, payload }) => {
          rtvi.send('ui-command', { command: `show_${event}`, payload });
          const group = { job_id: 'job-7', at: Date.now() };
          rtvi.send('ui-job-group', { ...group, kind: 'group_started', cancellable: true });
        });
        rtvi.on('ui-cancel-job-group', ({ job_id }) =>
          rtvi.send('ui-job-group', { job_id, at: Date.now(), kind: 'group_completed' }),
        );
        rtvi.once('ui-snapshot', ({ tree }) => {
          const seen = JSON.stringify(tree).includes('User interface');
          rtvi.send('ui-command', { command: seen ? 'page_seen' : 'other_seen' });
        });
        session.ready();
        await once(session.signal, 'abort');
      }
    }
    await start({ launcher: ShopBot });
    await open();
    await user.press('Connect');
    await user.sees('ready, RTVI 2.2.0');
    await user.page.getByLabel('UI event', { exact: true }).fill('cart');
    const payload = user.page.getByLabel('Payload: JSON');
    await payload.fill('{"items"');
    const send = user.page.getByRole('button', { name: 'Send event' });
    expect(await send.isDisabled()).toBe(true);
    await payload.fill('{"items": 2}');
    await send.click();
    await user.sees('→ ui-event {"event":"cart","payload":{"items":2}}');
    await user.sees('← ui-command {"command":"show_cart","payload":{"items":2}}');
    await user.press('Cancel job-7');
    await user.sees(/^← ui-job-group .*"group_completed"/);
    expect(await user.page.getByRole('button', { name: 'Cancel job-7' }).count()).toBe(0);
    await user.page.getByLabel('Send snapshots of this page').check();
    await user.sees('← ui-command {"command":"page_seen"}');
    expect(await user.page.getByRole('alert').count()).toBe(0);
    expect(user.complaints).toEqual([]);
  });

  it('lists the function calls of the bot, and answers them by hand', async () => {
    const results: unknown[] = [];
    class CallingBot extends BotLauncher {
      async launch(args: RunnerArguments, session: BotSession): Promise<void> {
        const rtvi = new RtviSession(await createTransport(args));
        session.ready();
        results.push(await rtvi.callFunction('get_location', { precise: true }));
        results.push(await rtvi.callFunction('get_mood'));
        await rtvi.callFunction('get_lost', {}, { timeoutMs: 1 }).catch(() => undefined);
        await once(session.signal, 'abort');
      }
    }
    await start({ launcher: CallingBot });
    await open();
    await user.press('Connect');
    const result = user.page.getByLabel('Result: a JSON object or text');
    await user.sees('get_location {"precise":true}: in progress');
    await result.fill('{"city": "Bern"}');
    await user.press('Answer');
    await user.sees('get_location {"precise":true}: {"city":"Bern"}');
    await result.fill('good');
    await user.press('Answer');
    await user.sees('get_mood {}: "good"');
    await user.sees('get_lost {}: cancelled');
    expect(results).toEqual([{ city: 'Bern' }, 'good']);
    expect(await result.count()).toBe(0);
    expect(user.complaints).toEqual([]);
  });

  it('draws the bot’s metrics', async () => {
    class MeasuredBot extends BotLauncher {
      async launch(args: RunnerArguments, session: BotSession): Promise<void> {
        const rtvi = new RtviSession(await createTransport(args));
        session.ready();
        rtvi.send('metrics', { ttfb: [{ processor: 'SlowService', value: 0.3 }] });
        await once(session.signal, 'abort');
      }
    }
    await start({ launcher: MeasuredBot });
    await open();
    await user.press('Connect');
    await user.sees('ready, RTVI 2.2.0');
    await user.page.getByRole('tab', { name: 'Metrics' }).click();
    await user.sees('SlowService');
    await user.page.locator('canvas').first().waitFor();
    expect(user.complaints).toEqual([]);
  });

  it('sends the body to the bot', async () => {
    const launcher = new RecordingLauncher();
    await start({ launcher: { useValue: launcher } });
    await open();
    await user.page.getByText('Start options', { exact: true }).click();
    const body = user.page.getByLabel(/^Body/);
    await body.fill('{"delayMs"');
    expect(await user.seesProblem()).toMatch(/no JSON/);
    await body.fill('{"delayMs": 800}');
    await user.press('Connect');
    expect((await launcher.nextLaunch()).args.body).toEqual({ delayMs: 800 });
  });

  it('stops playback on barge-in', async () => {
    const interruption = new AbortController();
    class TalkativeBot extends BotLauncher {
      async launch(args: RunnerArguments, session: BotSession): Promise<void> {
        const transport = await createTransport(args);
        session.ready();
        void transport.sendAudio({ pcm: tone(440, 24_000, 60), sampleRateHz: 24_000 });
        await once(interruption.signal, 'abort');
        transport.clear();
        await once(session.signal, 'abort');
      }
    }
    await start({ launcher: TalkativeBot });
    await open();
    await user.press('Connect');
    await user.seesSpeech('The bot’s level');
    interruption.abort();
    await user.seesSilence('The bot’s level');
    await user.press('Disconnect');
    await user.sees(/^disconnected$/);
    // The published client calls an interruption an unknown frame.
    expect(user.complaints).toEqual([]);
  });

  it('ends with the bot without an error', async () => {
    const end = new AbortController();
    class BriefBot extends EchoBot {
      override async launch(args: RunnerArguments, session: BotSession): Promise<void> {
        await Promise.race([super.launch(args, session), once(end.signal, 'abort')]);
      }
    }
    await start({ launcher: BriefBot });
    await open();
    await user.press('Connect');
    await user.sees('Hello! I say back what I hear.');
    end.abort();
    await user.sees(/^disconnected$/);
    expect(await user.page.getByRole('alert').count()).toBe(0);
    expect(user.complaints).toEqual([]);
  });

  describe('shows an error in plain words when', () => {
    it('the runner refuses the start', async () => {
      await start({ maxSessions: 1 });
      await post(`${running.url}/start`, { transport: 'websocket' });
      await open();
      await user.press('Connect');
      expect(await user.seesProblem()).toMatch(/capacity|sessions/i);
      await user.press('Dismiss');
      expect(await user.page.getByRole('alert').count()).toBe(0);
    });

    it('there is no bot', async () => {
      await start({ launcher: undefined });
      await open();
      await user.press('Connect');
      expect(await user.seesProblem()).toMatch(/launcher/);
    });

    it('a proxy answers, and the next attempt succeeds', async () => {
      await start();
      await open();
      await user.page.route('**/start', (route) =>
        route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }),
      );
      await user.press('Connect');
      expect(await user.seesProblem()).toBe('The runner answered 502 Bad Gateway.');
      await user.page.unroute('**/start');
      await user.press('Connect');
      await user.sees('ready, RTVI 2.2.0');
      expect(await user.page.getByRole('alert').count()).toBe(0);
    });

    it('the runner is gone', async () => {
      await start();
      await open();
      await user.transports();
      await user.page.route('**/start', (route) => route.abort('connectionrefused'));
      await user.press('Connect');
      expect(await user.seesProblem()).toBe('The runner cannot be reached. Is it running?');
    });

    it('the WebSocket cannot connect', async () => {
      await start();
      await open();
      await user.page.route('**/start', (route) =>
        route.fulfill({ json: { sessionId: 's', wsUrl: `${running.wsUrl}/nowhere` } }),
      );
      await user.press('Connect');
      expect(await user.seesProblem()).toMatch(/No WebSocket could be opened to ws:.*\/nowhere\./);
      await user.sees(/^disconnected$/);
    });

    it('the runner refuses a WebRTC offer', async () => {
      await start();
      await open(async (page) => {
        await page.route('**/status', (route) =>
          route.fulfill({ json: { transports: ['webrtc'] } }),
        );
        await page.route('**/start', (route) => route.fulfill({ json: { sessionId: 's7' } }));
        await page.route('**/sessions/s7/api/offer', (route) =>
          route.fulfill({ status: 429, json: { detail: 'All places are taken.' } }),
        );
      });
      expect(await user.transports()).toEqual(['SmallWebRTC']);
      await user.press('Connect');
      expect(await user.seesProblem()).toBe('All places are taken.');
      await user.sees(/^disconnected$/);
    });

    it('Daily’s library cannot be loaded, and the next attempt loads it', async () => {
      await start({ transports: [DailyModule.forRoot({ apiKey: 'k' })] });
      await open((page) => page.route(/^https:/, (route) => route.abort()));
      await user.press('Connect');
      expect(await user.seesProblem()).toMatch(
        /Failed to load call object bundle https:\/\/c\.daily\.co/,
      );
      await user.page.getByRole('button', { name: 'Connect', exact: true }).waitFor();
      // The policy let the request through.
      expect(user.requests.some((url) => url.startsWith('https://c.daily.co/'))).toBe(true);
    });

    it('the bot failed', async () => {
      class FailingBot extends BotLauncher {
        async launch(): Promise<void> {
          throw new Error('inside');
        }
      }
      await start({ launcher: FailingBot });
      await open();
      await user.press('Connect');
      expect(await user.seesProblem()).toMatch(/bot/i);
      await user.sees(/^disconnected$/);
    });

    it('the session is not accepted', async () => {
      await start({ allowedOrigins: ['https://elsewhere.example'] });
      await open();
      await user.press('Connect');
      expect(await user.seesProblem()).toMatch(/origin/i);
    });

    it('the microphone is missing, and listening still works', async () => {
      await start();
      await open((page) =>
        page.addInitScript(
          "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('x', 'NotAllowedError'); }",
        ),
      );
      await user.press('Connect');
      expect(await user.seesProblem()).toMatch(/told not to give this page the microphone/);
      await user.sees('Hello! I say back what I hear.');
    });

    it('no transport is available', async () => {
      await start({ transports: [TelephonyModule.forRoot()] });
      await open();
      expect(await user.seesProblem()).toMatch(
        /the runner accepts twilio, telnyx, plivo, exotel, vonage, genesys\./,
      );
    });
  });

  it('passes the host’s guard with a key', async () => {
    await start(
      {},
      (app) =>
        void app.useGlobalGuards({
          canActivate(context: ExecutionContext) {
            const { url, headers } = context
              .switchToHttp()
              .getRequest<{ url: string; headers: Record<string, string> }>();
            if (url !== '/start' || headers.authorization === 'Bearer badge') return true;
            throw new UnauthorizedException('no badge');
          },
        }),
    );
    await open();
    await user.press('Connect');
    expect(await user.seesProblem()).toBe('no badge');
    await user.page.getByText('Start options', { exact: true }).click();
    await user.page.getByLabel(/^API key/).fill('badge');
    await user.press('Connect');
    await user.sees('ready, RTVI 2.2.0');
  });

  it.each(TALKING)('sends its key to the runner over %s', async (_, module) => {
    const key = 'pk_0123456789abcdef';
    await start({ transports: [module], publicKeys: [key] });
    await open();
    await user.press('Connect');
    expect(await user.seesProblem()).toMatch(/^A valid key is needed here.*“Start options”\.$/);
    await user.page.getByText('Start options', { exact: true }).click();
    await user.page.getByLabel(/^API key/).fill(key);
    await user.press('Connect');
    await user.sees('Hello! I say back what I hear.');
    await user.seesSpeech('The bot’s level');
    expect(await user.page.getByRole('alert').count()).toBe(0);
  });

  it('keeps the typed options when the transport changes', async () => {
    await start({ transports: TALKING.map(([, module]) => module) });
    await open();
    await user.page.getByText('Start options', { exact: true }).click();
    await user.page.getByLabel(/^API key/).fill('pk_secret');
    await user.page.getByLabel('Transport').selectOption('WebSocket');
    await user.page.getByText('Start options', { exact: true }).click();
    expect(await user.page.getByLabel(/^API key/).inputValue()).toBe('pk_secret');
  });

  it('sends WebSocket tokens', async () => {
    await start({ webSocketAuth: 'token' });
    await open();
    await user.press('Connect');
    await user.sees('ready, RTVI 2.2.0');
  });

  it('cancels a connection attempt on request', async () => {
    await start();
    await open();
    await user.page.route('**/start', () => undefined);
    await user.press('Connect');
    await user.press('Cancel');
    await user.page.getByRole('button', { name: 'Connect' }).waitFor();
    expect(await user.page.getByRole('alert').count()).toBe(0);
  });

  it('loads a transport’s code when it is selected', async () => {
    await start({
      transports: [
        WebSocketModule.forRoot(),
        TelephonyModule.forRoot(),
        DailyModule.forRoot({ apiKey: 'k' }),
      ],
    });
    await open();
    expect(await user.transports()).toEqual(['WebSocket', 'Daily']);
    const loaded = () => user.requests.filter((url) => /\/assets\/daily/.test(url)).length;
    expect(loaded()).toBe(0);
    await user.page.getByLabel('Transport').selectOption('Daily');
    await user.sees('From Daily’s network statistics.');
    expect(loaded()).toBeGreaterThan(0);
    expect(user.complaints).toEqual([]);
  });

  it('works on Express, with prefixes, behind a proxy with another path', async () => {
    proxy = await PathProxy.start('/ops/bots');
    running = await startApp(
      'express',
      [
        runnerModule('forRootAsync', {
          launcher: EchoBot,
          transports: [WebSocketModule.forRoot()],
          console: true,
          path: 'voice',
          publicUrl: proxy.url,
        }),
      ],
      (app) => void app.setGlobalPrefix('api'),
    );
    proxy.target = running.url;
    user = await ConsoleUser.open(browser, `${proxy.url}/api/voice/client`);
    await user.press('Connect');
    await user.sees('Hello! I say back what I hear.');
    expect(user.complaints).toEqual([]);
    expect(user.requests.filter((url) => !url.includes('/ops/bots/'))).toEqual([]);
  });

  it('fits a phone screen', async () => {
    await start();
    await open((page) => page.setViewportSize({ width: 390, height: 844 }));
    await user.transports();
    expect(await user.page.evaluate('document.documentElement.scrollWidth')).toBe(390);
  });
});
