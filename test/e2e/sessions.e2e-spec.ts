import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type BotLauncher,
  RunnerModule,
  type SessionEnd,
  SessionRegistry,
  WebSocketModule,
} from '../../src/index.js';
import { connectClient, RecordingLauncher } from '../../src/testing/index.js';
import { closeApps, PLATFORMS, post, type RunningApp, startApp } from '../support/runner-app.js';

let running: RunningApp | undefined;
afterEach(closeApps);

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

async function start(
  platform: (typeof PLATFORMS)[number],
  bot?: BotLauncher['launch'],
  options: object = {},
): Promise<RunningApp & { launcher: RecordingLauncher; registry: SessionRegistry }> {
  const launcher = new RecordingLauncher(bot);
  running = await startApp(platform, [
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [WebSocketModule.forRoot()],
      onlyTransport: 'websocket',
      ...options,
    }),
  ]);
  return { ...running, launcher, registry: running.app.get(SessionRegistry, { strict: false }) };
}

async function get(url: string, method = 'GET') {
  const response = await fetch(url, { method });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

const announce = async (url: string): Promise<string> =>
  (await post(`${url}/start`, { body: { secret: 'of the caller' } })).sessionId;

describe.each(PLATFORMS)('GET /sessions on %s', (platform) => {
  it('shows the lifecycle of a session', async () => {
    const { url, launcher, registry } = await start(platform, async (_args, session) => {
      await once(session.signal, 'abort');
    });
    const { json, sessionId } = await post(`${url}/start`, { body: { secret: 'of the caller' } });
    const id = sessionId;
    const waiting = {
      sessionId: id,
      transport: 'websocket',
      state: 'pending',
      createdAt: ISO,
      updatedAt: ISO,
      endedAt: null,
      completionStatus: null,
      endReason: null,
      botStartSeconds: null,
    };
    expect(await get(`${url}/sessions/${id}`)).toEqual({ status: 200, json: waiting });
    const client = await connectClient(json.wsUrl as string);
    const { session } = await launcher.nextLaunch();
    expect((await get(`${url}/sessions/${id}`)).json.state).toBe('launching');
    session.ready();
    expect((await get(`${url}/sessions/${id}`)).json).toEqual({
      ...waiting,
      state: 'running',
      botStartSeconds: 0,
    });
    const { ended } = registry.require(id);
    await client.leave();
    await ended;
    const over = await get(`${url}/sessions/${id}`);
    expect(over).toEqual({
      status: 200,
      json: {
        ...waiting,
        state: 'ended',
        endedAt: ISO,
        completionStatus: 'WS_CONNECTION_CLOSED',
        endReason: 'peer_left',
        botStartSeconds: 0,
      },
    });
    expect(over.json.updatedAt).toBe(over.json.endedAt);
    expect(JSON.stringify((await get(`${url}/sessions`)).json)).not.toContain('secret');
    expect(JSON.stringify(registry.history.all)).not.toContain('secret');
  });

  it.each<[string, BotLauncher['launch'], string]>([
    ['completed', () => Promise.resolve(), 'HTTP_COMPLETED'],
    ['failed', () => Promise.reject(new Error('boom')), 'HTTP_ERROR'],
    [
      'too_long',
      (_args, session) => once(session.signal, 'abort').then(() => undefined),
      'TOO_LONG',
    ],
  ])('shows how a session ended: %s', async (endReason, bot, completionStatus) => {
    const { url, launcher } = await start(platform, bot, { maxSessionDurationMs: 50 });
    const client = await connectClient(`${url.replace('http', 'ws')}/ws-client`);
    const { session } = await launcher.nextLaunch();
    await client.closed;
    const { json } = await get(`${url}/sessions/${session.id}`);
    expect(json).toMatchObject({ endReason, completionStatus, state: 'ended' });
  });

  it('lists the newest first, in pages, filtered by status', async () => {
    const { url, registry } = await start(platform, undefined, { sessionHistory: 3 });
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) {
      const id = await announce(url);
      ids.unshift(id);
      // So that none is as old as another.
      (registry.require(id) as { createdAtMs: number }).createdAtMs += i;
    }
    const [newest, second, third, fourth, fifth, oldest] = ids as [string, ...string[]];
    for (const id of [oldest, fifth, fourth, third]) {
      expect((await get(`${url}/sessions/${id}`, 'DELETE')).json).toEqual({
        status: 'terminated',
        session_id: id,
      });
    }
    const list = async (query: string) => {
      const { json } = await get(`${url}/sessions${query}`);
      const sessions = json.sessions as { sessionId: string }[];
      return [json.total_count, ...sessions.map(({ sessionId }) => sessionId)];
    };
    // The oldest is forgotten.
    expect(await list('')).toEqual([5, newest, second, third, fourth, fifth]);
    expect(await list('?status=active')).toEqual([2, newest, second]);
    expect(await list('?status=ended')).toEqual([3, third, fourth, fifth]);
    expect(await list('?status=all&limit=2&offset=1')).toEqual([5, second, third]);
    expect(await list('?offset=9')).toEqual([5]);
    expect((await get(`${url}/sessions/${oldest!}`)).status).toBe(404);
  });

  it('filters sessions as Pipecat Cloud does', async () => {
    const { url, registry } = await start(platform);
    const ids: string[] = [];
    for (const [createdAtMs, botStartMs] of [
      [1_000_000, undefined],
      [2_000_900, 1_000],
      [3_000_000, 4_000],
    ]) {
      const id = await announce(url);
      ids.push(id);
      Object.defineProperties(registry.require(id), {
        createdAtMs: { value: createdAtMs },
        botStartMs: { value: botStartMs },
      });
    }
    const [first, second, third] = ids;
    const list = async (query: string) => {
      const { json } = await get(`${url}/sessions?${query}`);
      return (json.sessions as { sessionId: string }[]).map(({ sessionId }) => sessionId);
    };
    expect(await list('startType=all&startTimeMin=0&startTimeMax=0')).toEqual([
      third,
      second,
      first,
    ]);
    expect(await list('startTime=2000')).toEqual([third, second]);
    expect(await list('endTime=2000')).toEqual([second, first]);
    expect(await list('startTime=1001&endTime=2999')).toEqual([second]);
    expect(await list('startTimeMin=1')).toEqual([third]);
    expect(await list('startTimeMax=4')).toEqual([second]);
  });

  it.each([
    ['?status=over', 'status', /active, ended, all/],
    ['?limit=0', 'limit', /1 to 100/],
    ['?limit=101', 'limit', /1 to 100/],
    ['?limit=ten', 'limit', /1 to 100/],
    ['?limit=', 'limit', /1 to 100/],
    ['?offset=-1', 'offset', /0 or more/],
    ['?offset=1.5', 'offset', /0 or more/],
    ['?startTime=yesterday', 'startTime', /Unix timestamp in seconds/],
    ['?endTime=1900000000000', 'endTime', /Unix timestamp in seconds/],
    ['?startTimeMin=-1', 'startTimeMin', /0 or more/],
    ['?startTimeMax=1.5', 'startTimeMax', /0 or more/],
    ['?startType=cold', 'startType', /must be all/],
    ['?deploymentId=1', 'deploymentId', /must be left out/],
    ['?state=running', 'state', /is no filter; there are status, limit, .*startTimeMax/],
    ['?constructor=1', 'constructor', /is no filter/],
  ])('refuses %s', async (query, field, message) => {
    const { url } = await start(platform);
    const { status, json } = await get(`${url}/sessions${query}`);
    expect(status).toBe(422);
    expect(json).toMatchObject({
      code: 'INVALID_FIELDS',
      detail: expect.stringMatching(message),
      errors: [{ field, message: expect.stringMatching(message) }],
    });
  });

  it('stops a session with a reason, and answers when it has ended', async () => {
    const { url, launcher, registry } = await start(platform);
    const client = await connectClient(`${url.replace('http', 'ws')}/ws-client`);
    const { session } = await launcher.nextLaunch();
    const path = `${url}/sessions/${session.id}`;
    expect((await get(`${path}?reason=${encodeURIComponent('a\nb')}`, 'DELETE')).status).toBe(422);
    const answer = await get(
      `${path}?reason=${encodeURIComponent('closing time, ’til tomorrow')}`,
      'DELETE',
    );
    expect(answer).toEqual({ status: 200, json: { status: 'terminated', session_id: session.id } });
    expect(registry.size).toBe(0);
    const end = session.signal.reason as SessionEnd;
    expect([end.code, end.message]).toEqual(['stopped', 'closing time, ’til tomorrow']);
    await expect(client.closed).resolves.toMatchObject({ code: 1000 });
    // It cannot be stopped twice, nor can another.
    for (const again of [path, `${url}/sessions/none`]) {
      const { status, json } = await get(again, 'DELETE');
      expect([status, json.code]).toEqual([404, 'UNKNOWN_SESSION']);
    }
  });
});
