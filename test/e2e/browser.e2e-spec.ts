import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  RunnerModule,
  SessionRegistry,
  type SmallWebRTCRunnerArguments,
  SmallWebRtcModule,
  TelephonyModule,
  WebSocketModule,
} from '../../src/index.js';
import type { Session } from '../../src/sessions/session.js';
import { inBrowser } from '../support/browser-hooks.js';
import type { BrowserUser } from '../support/browser-user.js';
import { launchChromiumProcess } from '../support/chromium.js';
import { type Conversation, ListeningBot } from '../support/listening-bot.js';
import { shareOf } from '../support/matrix.js';
import { PLATFORMS, type Platform, type RunningApp, startApp } from '../support/runner-app.js';
import { describeWith } from '../support/needs.js';

jest.setTimeout(120_000);

const TRANSPORTS = ['webrtc', 'websocket'] as const;

describeWith('chromium')("Pipecat's published clients in a browser", () => {
  const chromium = inBrowser();
  let user: BrowserUser;
  let running: RunningApp;
  let bot: ListeningBot;
  afterEach(() => running.app.close());

  const start = async (platform: Platform = 'fastify'): Promise<void> => {
    bot = new ListeningBot();
    running = await startApp(platform, [
      RunnerModule.forRoot({
        launcher: { useValue: bot },
        transports: [
          SmallWebRtcModule.forRoot(),
          WebSocketModule.forRoot(),
          TelephonyModule.forRoot(),
        ],
        webSocketAuth: 'token',
      }),
    ]);
  };
  const connect = async (transport: 'webrtc' | 'websocket'): Promise<Conversation> => {
    const [conversation] = await Promise.all([bot.next(), user.connect(transport, running.url)]);
    return conversation;
  };
  const sessionOf = ({ session }: Conversation): Session =>
    running.app.get(SessionRegistry, { strict: false }).require(session.id);

  describe.each(TRANSPORTS)('over %s', (transport) => {
    it.each(shareOf(PLATFORMS, transport, TRANSPORTS))(
      'receive their own audio and exchange messages on %s',
      async (platform) => {
        await start(platform);
        user = await chromium.open();
        const { args, session, rtvi } = await connect(transport);
        expect(await user.events()).toEqual(expect.arrayContaining(['ready', 'bot ready 2.2.0']));
        expect(args.body).toEqual({ from: 'browser' });
        expect(session.id).toBe(args.session_id);
        expect(await user.likeness()).toBeGreaterThan(0.8);
        expect(await user.request('ask', { n: 1 })).toEqual({ echo: { n: 1 } });
        await user.send('tell', { n: 2 });
        rtvi.send('server-message', { n: 3 });
        expect(await user.message(0)).toEqual({ n: 3 });
        expect(bot.messages).toEqual([
          { type: 'ask', data: { n: 1 } },
          { type: 'tell', data: { n: 2 } },
        ]);
      },
    );

    it('can mute: the bot receives silence, and the connection stays', async () => {
      await start();
      user = await chromium.open();
      const conversation = await connect(transport);
      await bot.hearsSpeech();
      await user.mute(true);
      await bot.hearsSilence();
      await user.request('ask', {});
      await user.mute(false);
      await bot.hearsSpeech();
      expect(sessionOf(conversation).state.name).toBe('running');
      expect(await user.events()).not.toContain('gone');
    });

    it('end the session within 100 ms when they disconnect', async () => {
      await start();
      user = await chromium.open();
      const conversation = await connect(transport);
      const { ended } = sessionOf(conversation);
      const leftMs = await user.leave();
      expect((await ended).code).toBe('peer_left');
      expect(Date.now() - leftMs).toBeLessThan(100);
    });

    it('end the session within 10 s when their tab is closed', async () => {
      await start();
      user = await chromium.open();
      const { ended } = sessionOf(await connect(transport));
      await bot.hearsSpeech();
      const crashed = chromium.tab.waitForEvent('crash');
      chromium.tab.goto('chrome://crash').catch(() => undefined);
      await crashed;
      const startMs = Date.now();
      expect((await ended).code).toBe('peer_left');
      expect(Date.now() - startMs).toBeLessThan(10_000);
    });

    it('end the session within 10 s when their browser is killed', async () => {
      await start();
      const { browser: doomed, kill } = await launchChromiumProcess();
      user = await chromium.open(doomed);
      const { ended } = sessionOf(await connect(transport));
      await bot.hearsSpeech();
      kill();
      const startMs = Date.now();
      expect((await ended).code).toBe('peer_left');
      expect(Date.now() - startMs).toBeLessThan(10_000);
    });
  });

  it.each(PLATFORMS)(
    'receive their own audio with the Twilio serializer on %s',
    async (platform) => {
      await start(platform);
      user = await chromium.open();
      const [{ args, session }] = await Promise.all([bot.next(), user.callTwilio(running.url)]);
      expect(args).toMatchObject({
        transport_type: 'twilio',
        call_data: { stream_id: 'MZ1', call_id: 'CA1' },
        body: { from: 'browser' },
        session_id: session.id,
      });
      expect(await user.likeness()).toBeGreaterThan(0.8);
    },
  );

  describe('keep their WebRTC bot', () => {
    let conversation: Conversation;
    beforeEach(async () => {
      await start();
      user = await chromium.open();
      conversation = await connect('webrtc');
      await bot.hearsSpeech();
    });
    const goesOn = async (): Promise<void> => {
      expect(await user.likeness()).toBeGreaterThan(0.8);
      expect(await user.request('ask', { n: 1 })).toEqual({ echo: { n: 1 } });
      conversation.rtvi.send('server-message', 'still here');
      expect(await user.message(0)).toBe('still here');
      expect(sessionOf(conversation).state.name).toBe('running');
      const { webrtc_connection } = conversation.args as SmallWebRTCRunnerArguments;
      expect(webrtc_connection.state).toBe('connected');
    };

    it('when they reconnect', async () => {
      const { webrtc_connection } = conversation.args as SmallWebRTCRunnerArguments;
      const again = once(webrtc_connection, 'connected');
      await user.reconnect();
      await again;
      await goesOn();
    });

    it('after an ICE restart', async () => {
      await user.restartIce();
      await goesOn();
    });
  });
});
