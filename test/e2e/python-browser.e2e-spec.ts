import { afterEach, expect, it, jest } from '@jest/globals';
import { SmallWebRtcModule } from '../../src/index.js';
import { inBrowser } from '../support/browser-hooks.js';
import type { BrowserUser } from '../support/browser-user.js';
import { ProcessHost } from '../support/process-host.js';
import { sharpened, speech } from '../support/sound.js';
import { describeWith } from '../support/needs.js';

jest.setTimeout(120_000);

const { PIPECAT_PYTHON } = process.env;

describeWith('chromium', 'Pipecat')(
  "a Python bot and Pipecat's published client in a browser",
  () => {
    const chromium = inBrowser();
    let user: BrowserUser;
    let running: ProcessHost;
    afterEach(() => running.host.close());

    const connect = async (): Promise<void> => {
      running = await ProcessHost.start(
        { python: 'test/support/bots/webrtc_bot.py', pythonPath: PIPECAT_PYTHON },
        { transports: [SmallWebRtcModule.forRoot()] },
      );
      user = await chromium.open();
      await user.connect('webrtc', running.host.url);
    };
    const hearsBot = async (): Promise<void> =>
      expect(await user.likeness(sharpened(speech(11)))).toBeGreaterThan(0.8);

    it('exchange sound and messages, also after a reconnection, until the client leaves', async () => {
      await connect();
      expect((await user.events()).join()).toMatch(/ready,bot ready \d/);
      await running.lines.with(`started ${running.sessions[0]!.id} {'from': 'browser'}`);
      await hearsBot();
      expect(await user.request('ask', { n: 1 })).toEqual({ echo: { n: 1 } });
      expect(await user.message(0)).toEqual({ told: { n: 1 } });
      await user.reconnect();
      await hearsBot();
      expect(await user.request('ask', { n: 2 })).toEqual({ echo: { n: 2 } });
      expect(running.sessions).toHaveLength(1);
      await user.leave();
      expect(await running.sessions[0]!.ended).toMatchObject({ code: 'peer_left' });
    });

    it('end together when the bot leaves', async () => {
      await connect();
      await user.send('leave', {});
      await user.says('gone');
      expect(await running.sessions[0]!.ended).toMatchObject({ code: 'completed' });
    });

    it('end together when the session is stopped', async () => {
      await connect();
      const { id } = running.sessions[0]!;
      await fetch(`${running.host.url}/sessions/${id}`, { method: 'DELETE' });
      await user.says('gone');
    });

    it('end together within 10 s when the tab crashes', async () => {
      await connect();
      await user.request('ask', {});
      const crashed = chromium.tab.waitForEvent('crash');
      chromium.tab.goto('chrome://crash').catch(() => undefined);
      await crashed;
      const startMs = Date.now();
      expect((await running.sessions[0]!.ended).code).toBe('peer_left');
      expect(Date.now() - startMs).toBeLessThan(15_000);
    });
  },
);
