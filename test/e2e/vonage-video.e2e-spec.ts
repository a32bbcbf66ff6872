import { once } from 'node:events';
import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  createTransport,
  RunnerError,
  type RunnerOptions,
  type Session,
  SessionRegistry,
  VonageRunnerArguments,
  VonageVideoModule,
} from '../../src/index.js';
import type { VonageVideoOptions } from '../../src/transports/vonage/vonage-video.options.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { describeWith, itWith } from '../support/needs.js';
import { ProcessHost } from '../support/process-host.js';
import {
  type Platform,
  PLATFORMS,
  post,
  type RunningApp,
  runnerModule,
  startApp,
} from '../support/runner-app.js';

jest.setTimeout(90_000);

const ROOM = { sessionId: '2_MX4x', token: 'T1==bot' };
const APP = { applicationId: 'app-1' };

let running: RunningApp | undefined;
afterEach(async () => {
  await running?.app.close();
  running = undefined;
});

async function start(
  options: VonageVideoOptions,
  runner: RunnerOptions = {},
  platform: Platform = 'fastify',
) {
  const launcher = new RecordingLauncher();
  running = await startApp(platform, [
    runnerModule('forRoot', {
      launcher: { useValue: launcher },
      transports: [VonageVideoModule.forRoot(options)],
      ...runner,
    }),
  ]);
  const { url, app } = running;
  return {
    launcher,
    url,
    sessions: app.get(SessionRegistry, { strict: false }),
    ask: (body: object = {}) => post(`${url}/start`, { transport: 'vonage-video', ...body }),
  };
}

describe('a Vonage video session', () => {
  it.each(PLATFORMS)('is joined by the bot of each start, on %s', async (platform) => {
    const { ask, launcher, sessions, url } = await start({ ...APP, ...ROOM }, {}, platform);
    const { status, json, sessionId } = await ask({ body: { user: 7 } });
    expect([status, json]).toEqual([
      200,
      { applicationId: 'app-1', vonageSessionId: ROOM.sessionId, sessionId },
    ]);
    const { args } = await launcher.nextLaunch();
    expect(args).toBeInstanceOf(VonageRunnerArguments);
    expect(args).toMatchObject({
      application_id: 'app-1',
      vonage_session_id: ROOM.sessionId,
      token: ROOM.token,
      session_id: sessionId,
      body: { user: 7 },
    });
    const session = sessions.require(sessionId);
    expect(session.transport).toBe('vonage-video');
    await fetch(`${url}/sessions/${sessionId}`, { method: 'DELETE' });
    expect(await session.ended).toMatchObject({ code: 'stopped' });
  });

  it('is the one that POST /start begins where there is no other transport', async () => {
    const { url, launcher } = await start({ ...APP, ...ROOM });
    expect((await post(`${url}/start`)).status).toBe(200);
    expect((await launcher.nextLaunch()).args).toBeInstanceOf(VonageRunnerArguments);
    const status = (await (await fetch(`${url}/status`)).json()) as object;
    expect(status).toMatchObject({ transports: ['vonage-video'] });
  });

  it('counts for maxSessions', async () => {
    const { ask } = await start({ ...APP, ...ROOM }, { maxSessions: 1 });
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(429);
  });

  it('is created by the host for each session, with a token for the user', async () => {
    const seen: Session[] = [];
    const { ask, launcher } = await start({
      ...APP,
      createRoom: async (session) => {
        seen.push(session);
        return { sessionId: `room-${seen.length}`, token: 'bot', clientToken: 'user' };
      },
    });
    for (const n of [1, 2]) {
      const { json, sessionId } = await ask();
      expect(json).toEqual({
        ...{ applicationId: 'app-1', vonageSessionId: `room-${n}`, token: 'user', sessionId },
      });
      const { args } = await launcher.nextLaunch();
      expect(args).toMatchObject({ vonage_session_id: `room-${n}`, token: 'bot' });
      expect(seen.at(-1)!.id).toBe(sessionId);
    }
  });

  const never = () => new Promise<never>(() => undefined);
  it.each<[string, () => unknown, number, string]>([
    ['throws', () => Promise.reject(new Error('secret')), 502, 'No Vonage session could be'],
    ['throws at once', thrower(new Error('secret')), 502, 'No Vonage session could be created'],
    ['returns no token', () => ({ sessionId: 'room' }), 502, 'No Vonage session could be created'],
    ['returns nothing', () => undefined, 502, 'No Vonage session could be created'],
    ['never returns', never, 504, 'No Vonage session was created in 500 ms.'],
    ['refuses', thrower(new RunnerError('AT_CAPACITY', 'Later.')), 429, 'Later.'],
  ])('is refused when createRoom %s', async (_, createRoom, status, detail) => {
    const { ask, sessions, launcher } = await start({
      ...APP,
      createRoom: createRoom as VonageVideoOptions['createRoom'],
      timeoutMs: 500,
    });
    const answer = await ask();
    expect([answer.status, answer.json.detail]).toEqual([status, expect.stringContaining(detail)]);
    expect(JSON.stringify(answer.json)).not.toContain('secret');
    expect(sessions.size).toBe(0);
    expect(launcher.launches).toHaveLength(0);
  });

  it.each<[string, VonageVideoOptions, string]>([
    ['anything', {}, '(VONAGE_APPLICATION_ID, VONAGE_SESSION_ID, VONAGE_TOKEN not set)'],
    ['a token', { ...APP, sessionId: 'room' }, '(VONAGE_TOKEN not set)'],
    ['an application', { createRoom: () => ROOM }, '(VONAGE_APPLICATION_ID not set)'],
  ])('is disabled without %s, and names what is missing', async (_, options, detail) => {
    const { status, json } = await (await start(options)).ask();
    expect([status, json.detail]).toEqual([400, expect.stringContaining(detail)]);
  });

  it('takes no configured session beside createRoom', async () => {
    await expect(start({ ...APP, ...ROOM, createRoom: () => ROOM })).rejects.toThrow(
      /sessionId must be left out beside createRoom.*token must be left out/s,
    );
  });

  it('has no audio in Node, and says who joins it', async () => {
    const { ask, launcher } = await start({ ...APP, ...ROOM });
    await ask();
    await expect(createTransport((await launcher.nextLaunch()).args)).rejects.toThrow(
      /pipecat-ai\[vonage-video-connector\]/,
    );
  });
});

function thrower(error: Error): () => never {
  return () => {
    throw error;
  };
}

const { PIPECAT_PYTHON, VONAGE_CONNECTOR } = process.env;
const BOT = 'test/support/bots/vonage_bot.py';
const VONAGE_ENV = {
  VONAGE_APPLICATION_ID: 'app-1',
  VONAGE_SESSION_ID: ROOM.sessionId,
  VONAGE_TOKEN: ROOM.token,
};

describeWith('Pipecat')('a Python bot in a Vonage video session', () => {
  let host: ProcessHost | undefined;
  afterEach(async () => {
    await host?.host.close();
    host = undefined;
  });

  const startHost = async (pythonPath: string, env: NodeJS.ProcessEnv) =>
    (host = await ProcessHost.start(
      { python: BOT, pythonPath, env },
      { transports: [VonageVideoModule.forRoot({ ...APP, ...ROOM })] },
    ));
  const ask = (body: object = {}) =>
    post(`${host!.host.url}/start`, { transport: 'vonage-video', body });

  itWith("Vonage's library")(
    'joins it with Pipecat’s own transport and the library of Vonage',
    async () => {
      await startHost(PIPECAT_PYTHON!, { ...process.env, PYTHONPATH: VONAGE_CONNECTOR });
      const { status, sessionId } = await ask({ user: 7 });
      expect(status).toBe(200);
      const told = `app-1 ${ROOM.sessionId} ${ROOM.token} ${sessionId} {'user': 7}`;
      await host!.lines.with(`told VonageRunnerArguments ${told}`);
      await host!.lines.with('has VonageVideoConnectorTransport');
      await host!.lines.with(`Connecting with session string ${ROOM.sessionId}`);
      await fetch(`${host!.host.url}/sessions/${sessionId}`, { method: 'DELETE' });
      expect(await host!.sessions[0]!.ended).toMatchObject({ code: 'stopped' });
    },
  );

  it('is refused with the line that installs the library of Vonage', async () => {
    // Without the packages of PYTHONPATH.
    await startHost(PIPECAT_PYTHON!, { PATH: process.env.PATH });
    const { status, json } = await ask();
    expect([status, json.detail]).toEqual([
      400,
      expect.stringContaining("pip install 'pipecat-ai[vonage-video-connector]'"),
    ]);
  });

  itWith("Vonage's library").each([['return'], ['wait']])(
    'is joined by pipecat-runner -t vonage without a server, until its bot ends: %s',
    async (deed) => {
      const child = execFile(
        process.execPath,
        ['dist/main.js', '-t', 'vonage', '--drain-timeout', '0', '--bot', BOT],
        {
          env: {
            ...process.env,
            ...VONAGE_ENV,
            PATH: `${dirname(PIPECAT_PYTHON!)}:${process.env.PATH}`,
            PYTHONPATH: VONAGE_CONNECTOR,
            VONAGE_BOT: deed,
          },
        },
      );
      let output = '';
      for (const stream of [child.stdout!, child.stderr!]) {
        stream.on('data', (text: string) => (output += text));
      }
      const exit = once(child, 'exit');
      if (deed === 'wait') {
        while (!output.includes('has VonageVideoConnectorTransport')) {
          await Promise.race([once(child.stdout!, 'data'), once(child.stderr!, 'data'), exit]);
          if (child.exitCode !== null) throw new Error(output);
        }
        child.kill('SIGINT');
      }
      expect(await exit).toEqual([0, null]);
      expect(output).toContain(`Joining Vonage session: ${ROOM.sessionId}`);
      expect(output).toContain(`told VonageRunnerArguments app-1 ${ROOM.sessionId} ${ROOM.token}`);
      expect(output).not.toContain('Pipecat runner is ready');
    },
  );
});
