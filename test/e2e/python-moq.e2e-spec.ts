import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { MoqModule, RunnerModule, SessionEnd } from '../../src/index.js';
import type { Session } from '../../src/sessions/session.js';
import { RecordingLauncher, startHost } from '../../src/testing/index.js';
import { ChildHost } from '../support/child-host.js';
import { freePort } from '../support/free-port.js';
import { ProcessHost } from '../support/process-host.js';
import { post } from '../support/runner-app.js';
import { describeWith } from '../support/needs.js';

jest.setTimeout(90_000);

const { PIPECAT_PYTHON } = process.env;

describeWith('Pipecat')('a Python bot over MoQ', () => {
  let running: ProcessHost;
  afterEach(() => running.host.close());

  async function start(moq: object = {}): Promise<void> {
    running = await ProcessHost.start(
      { python: 'test/support/bots/moq_bot.py', pythonPath: PIPECAT_PYTHON },
      { transports: [MoqModule.forRoot({ bind: `127.0.0.1:${await freePort()}`, ...moq })] },
    );
  }

  const ask = (body: object = {}) =>
    post(`${running.host.url}/start`, { transport: 'moq', ...body });

  it('serves a client that pins its certificate, until the client leaves', async () => {
    await start({ tlsHost: 'localhost' });
    const { status, json } = await ask({ body: { user: 7 } });
    expect(status).toBe(200);
    expect(json).toEqual({
      sessionId: running.sessions[0]!.id,
      moq: {
        relayUrl: expect.stringMatching(/^https:\/\/localhost:\d+\/moq$/),
        certHash: expect.stringMatching(/^[\w+/]{43}=$/),
        serve: true,
        namespace: 'pipecat',
        clientId: 'request',
        botId: 'response',
        transcriptTrack: 'transcript.json.z',
      },
    });
    await running.lines.with("told MOQRunnerArguments pipecat {'user': 7}");
    expect(running.sessions[0]!.state.name).toBe('running');
    const { stdout } = await promisify(execFile)(PIPECAT_PYTHON!, [
      'test/support/peers/moq_client.py',
      JSON.stringify(json),
    ]);
    const { tone } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { tone: number };
    expect(tone).toBeGreaterThan(0.5);
    await running.lines.with('client disconnected');
    expect(await running.sessions[0]!.ended).toMatchObject({ code: 'completed' });
  });

  it('runs under the standalone runner', async () => {
    await start();
    const runner = await ChildHost.startWith(
      { PATH: `${dirname(PIPECAT_PYTHON!)}:${process.env.PATH}` },
      'dist/main.js',
      ...['--host', '127.0.0.1', '--port', '0', '--bot', 'test/support/bots/moq_bot.py'],
      ...['--moq-bind', `127.0.0.1:${await freePort()}`, '--moq-namespace', 'mine'],
    );
    try {
      const { json } = await post(`${runner.url}/start`, { transport: 'moq' });
      expect(json.moq).toMatchObject({ serve: true, namespace: 'mine' });
    } finally {
      await runner.kill();
    }
  });

  it('takes one session at a time as a server, and the next when that is over', async () => {
    await start();
    expect((await ask({ namespace: 'mine' })).json.moq).toMatchObject({ namespace: 'mine' });
    expect((await ask()).status).toBe(409);
    await running.sessions[0]!.end(new SessionEnd('stopped', 'enough'));
    expect((await ask()).status).toBe(200);
  });

  it.each([
    [{ do: 'raise' }, 15_000, 500, 'The bot ended before it was ready; its log says why.'],
    [{ do: 'wait' }, 4_000, 504, 'The bot was not ready within 4000 ms.'],
  ])('answers that the bot is not ready: %j', async (body, readyTimeoutMs, status, detail) => {
    await start({ readyTimeoutMs });
    const answer = await ask({ body });
    expect([answer.status, answer.json.detail]).toEqual([status, detail]);
    await running.sessions[0]!.ended;
    expect(running.registry.size).toBe(0);
  });

  it('gives each session a namespace of its own on a relay', async () => {
    await start({ relayUrl: 'https://127.0.0.1:1/anon', bind: undefined, readyTimeoutMs: 1 });
    expect((await ask()).status).toBe(504);
    expect((await fetch(`${running.host.url}/status`)).status).toBe(200);
  });
});

describe('MoQ without a Python bot', () => {
  it('is disabled, and says what it needs', async () => {
    const host = await startHost(
      RunnerModule.forRoot({
        launcher: { useValue: new RecordingLauncher() },
        transports: [MoqModule.forRoot()],
      }),
    );
    const { status, json } = await post(`${host.url}/start`, { transport: 'moq' });
    expect([status, json.detail]).toEqual([400, expect.stringContaining('it needs a Python bot')]);
    await host.close();
  });
});

describe('MoQ over a relay that wants a token', () => {
  it('tells the token to the bot, and to no client', async () => {
    const launcher = new RecordingLauncher((_, session) => {
      (session as unknown as Session).context.onReady?.({});
      return Promise.resolve();
    });
    launcher.holdsPeers = () => true;
    const relayUrl = 'https://relay.test:4443/moq?jwt=secret';
    const host = await startHost(
      RunnerModule.forRoot({
        launcher: { useValue: launcher },
        transports: [MoqModule.forRoot({ relayUrl })],
      }),
    );
    const { status, json } = await post(`${host.url}/start`, { transport: 'moq' });
    expect([status, json.moq]).toEqual([
      200,
      expect.objectContaining({ relayUrl: 'https://relay.test:4443/moq' }),
    ]);
    expect((await launcher.nextLaunch()).args).toMatchObject({ relay_url: relayUrl });
    await host.close();
  });
});
