import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { MoqModule } from '../../src/index.js';
import { inBrowser } from '../support/browser-hooks.js';
import type { BrowserUser } from '../support/browser-user.js';
import { freePort } from '../support/free-port.js';
import { describeWith } from '../support/needs.js';
import { ProcessHost } from '../support/process-host.js';

jest.setTimeout(120_000);

const { PIPECAT_PYTHON } = process.env;

describeWith('chromium', 'Pipecat')("a Python bot and Pipecat's published MoQ client", () => {
  const chromium = inBrowser();
  let user: BrowserUser;
  let running: ProcessHost;
  beforeEach(async () => {
    running = await ProcessHost.start(
      { python: 'test/support/bots/moq_bot.py', pythonPath: PIPECAT_PYTHON },
      {
        transports: [
          MoqModule.forRoot({ bind: `127.0.0.1:${await freePort()}`, tlsHost: '127.0.0.1' }),
        ],
      },
    );
    user = await chromium.open();
    await user.connect('moq', running.host.url);
  });
  afterEach(() => running.host.close());

  it('exchange sound and messages until the client leaves', async () => {
    expect((await user.events()).join()).toMatch(/ready,bot ready \d/);
    await running.lines.with("told MOQRunnerArguments pipecat {'from': 'browser'}");
    await user.hearsSound();
    expect(await user.request('ask', { n: 1 })).toEqual({ echo: { n: 1 } });
    expect(await user.message(0)).toEqual({ told: { n: 1 } });
    await user.leave();
    expect(await running.sessions[0]!.ended).toMatchObject({ code: 'completed' });
  });

  it('end together when the bot leaves', async () => {
    await user.send('leave', {});
    await user.says('gone');
    expect(await running.sessions[0]!.ended).toMatchObject({ code: 'completed' });
  });

  it('end together when the session is stopped', async () => {
    const { id } = running.sessions[0]!;
    await fetch(`${running.host.url}/sessions/${id}`, { method: 'DELETE' });
    await user.says('gone');
  });
});
