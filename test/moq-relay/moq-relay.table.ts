import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { MoqModule } from '../../src/index.js';
import { inBrowser } from '../support/browser-hooks.js';
import type { BrowserUser } from '../support/browser-user.js';
import { ChildHost } from '../support/child-host.js';
import { MoqRelay } from '../support/moq-relay.js';
import { describeWith } from '../support/needs.js';
import { ProcessHost } from '../support/process-host.js';
import { post } from '../support/runner-app.js';

jest.setTimeout(180_000);

const { PIPECAT_PYTHON } = process.env;

/** Speaks a tone to the bot of a session. @returns how much of what it hears is that tone, from 0 to 1 */
async function echo(answer: unknown, hz: number): Promise<number> {
  const client = ['test/support/peers/moq_client.py', JSON.stringify(answer), String(hz)];
  const { stdout } = await promisify(execFile)(PIPECAT_PYTHON!, client);
  return (JSON.parse(stdout.trim().split('\n').at(-1)!) as { tone: number }).tone;
}

describeWith('moq-relay', 'Pipecat')("MoQ's own relay", () => {
  let relay: MoqRelay;
  beforeEach(async () => {
    relay = await MoqRelay.start();
  });
  afterEach(() => relay.stop());

  it('carries two sessions of the standalone runner at once, each in its namespace', async () => {
    const runner = await ChildHost.startWith(
      { PATH: `${dirname(PIPECAT_PYTHON!)}:${process.env.PATH}`, NO_COLOR: '1' },
      'dist/main.js',
      ...['--host', '127.0.0.1', '--port', '0', '--bot', 'test/support/bots/moq_bot.py'],
      ...['--moq-connect', relay.url(), '--moq-tls-cert', relay.certificate, '--moq-tls-insecure'],
    );
    try {
      const answers = await Promise.all(
        [1, 2].map(() => post(`${runner.url}/start`, { transport: 'moq' })),
      );
      expect(answers.map(({ json }) => json.moq)).toEqual(
        Array(2).fill({
          relayUrl: relay.url(),
          certHash: expect.stringMatching(/^[\w+/]{43}=$/),
          serve: false,
          namespace: expect.stringMatching(/^pipecat-[\da-f]{16}$/),
          clientId: 'request',
          botId: 'response',
          transcriptTrack: 'transcript.json.z',
        }),
      );
      const tones = await Promise.all([440, 1_000].map((hz, i) => echo(answers[i]!.json, hz)));
      for (const tone of tones) expect(tone).toBeGreaterThan(0.5);
      for (const { json } of answers) {
        await runner.printed(`${String(json.sessionId)}] ended: completed`);
      }
    } finally {
      await runner.kill();
    }
  });

  it('refuses a bot outside of what it allows, which the log says', async () => {
    const running = await ProcessHost.start(
      { python: 'test/support/bots/moq_bot.py', pythonPath: PIPECAT_PYTHON },
      { transports: [MoqModule.forRoot({ relayUrl: relay.url('/other'), tlsInsecure: true })] },
    );
    // It is refused once it is connected.
    expect((await post(`${running.host.url}/start`, { transport: 'moq' })).status).toBe(200);
    await running.lines.with('MOQ transport error');
    await running.host.close();
  });
});

describeWith(
  'moq-relay',
  'Pipecat',
  'chromium',
)("MoQ's own relay and a browser", () => {
  let relay: MoqRelay;
  const chromium = inBrowser();
  let user: BrowserUser;
  let running: ProcessHost;
  beforeEach(async () => {
    relay = await MoqRelay.start();
    running = await ProcessHost.start(
      { python: 'test/support/bots/moq_bot.py', pythonPath: PIPECAT_PYTHON },
      {
        transports: [
          MoqModule.forRoot({
            relayUrl: relay.url(),
            tlsCert: relay.certificate,
            tlsInsecure: true,
          }),
        ],
      },
    );
    user = await chromium.open();
    await user.connect('moq', running.host.url);
  });
  afterEach(async () => {
    await running.host.close();
    await relay.stop();
  });

  it('exchange sound and messages with a bot until the client leaves', async () => {
    await user.hearsSound();
    expect(await user.request('ask', { n: 1 })).toEqual({ echo: { n: 1 } });
    await user.leave();
    expect(await running.sessions[0]!.ended).toMatchObject({ code: 'completed' });
  });

  it('end together when the session is stopped', async () => {
    await fetch(`${running.host.url}/sessions/${running.sessions[0]!.id}`, { method: 'DELETE' });
    await user.says('gone');
    expect(await running.sessions[0]!.ended).toMatchObject({ code: 'stopped' });
  });
});
