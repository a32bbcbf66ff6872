import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  RunnerModule,
  RunnerReadiness,
  SessionRegistry,
  TelephonyModule,
  WebSocketModule,
  SessionEnd,
} from '../../src/index.js';
import { RecordingLauncher } from '../../src/testing/index.js';
import { ChildHost } from '../support/child-host.js';
import {
  closeApps,
  closeOf,
  PLATFORMS,
  post,
  type RunningApp,
  startApp,
} from '../support/runner-app.js';

let running: RunningApp | undefined;
afterEach(closeApps);

async function start(platform: (typeof PLATFORMS)[number], options: object = {}) {
  running = await startApp(platform, [
    RunnerModule.forRoot({
      launcher: { useValue: new RecordingLauncher() },
      transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
      defaultTransport: 'websocket',
      ...options,
    }),
  ]);
  const { app, url, wsUrl } = running;
  return {
    url,
    wsUrl,
    registry: app.get(SessionRegistry, { strict: false }),
    readiness: app.get(RunnerReadiness, { strict: false }),
  };
}

/** Resolves once so many starts wait for a place. */
async function waiting(registry: SessionRegistry, count: number): Promise<void> {
  while (registry.queued !== count) await new Promise((resolve) => setImmediate(resolve));
}

describe.each(PLATFORMS)('a runner at maxSessions on %s', (platform) => {
  it('queues POST /start until a slot is free, in order', async () => {
    const { url, registry } = await start(platform, { maxSessions: 1, startQueueMs: 10_000 });
    const order: string[] = [];
    const startAs = async (name: string) => {
      const answer = await post(`${url}/start`, {});
      order.push(name);
      return answer;
    };
    const first = await startAs('first');
    const second = startAs('second');
    await waiting(registry, 1);
    const third = startAs('third');
    await waiting(registry, 2);
    for (const next of [first, second]) {
      const { sessionId } = await next;
      await registry.require(sessionId).end(new SessionEnd('stopped', ''));
    }
    const answer = await third;
    expect(answer.status).toBe(200);
    expect(order).toEqual(['first', 'second', 'third']);
    // A client that does not wait is refused, even while others do.
    await expect(closeOf(`${url.replace('http', 'ws')}/ws-client`)).resolves.toMatchObject({
      code: 1013,
    });
  });

  it('answers queued starts with 429 after startQueueMs', async () => {
    const { url, registry } = await start(platform, { maxSessions: 1, startQueueMs: 50 });
    await post(`${url}/start`, {});
    const { status, json, headers } = await post(`${url}/start`, {});
    expect([status, json.code]).toEqual([429, 'AT_CAPACITY']);
    expect(headers.get('retry-after')).toMatch(/^\d+$/);
    await waiting(registry, 0);
  });

  it('limits the queue to maxQueuedStarts', async () => {
    const options = { maxSessions: 1, startQueueMs: 10_000, maxQueuedStarts: 1 };
    const { url, registry } = await start(platform, options);
    const { sessionId } = await post(`${url}/start`, {});
    const patient = post(`${url}/start`, {});
    await waiting(registry, 1);
    expect((await post(`${url}/start`, {})).status).toBe(429);
    await registry.require(sessionId).end(new SessionEnd('stopped', ''));
    expect((await patient).status).toBe(200);
  });

  it('passes the queue position of a disconnected client on', async () => {
    const options = { maxSessions: 1, startQueueMs: 10_000, maxQueuedStarts: 1 };
    const { url, registry } = await start(platform, options);
    const { sessionId } = await post(`${url}/start`, {});
    const leaving = httpRequest(`${url}/start`, { method: 'POST' }).on('error', () => undefined);
    leaving.end();
    await waiting(registry, 1);
    leaving.destroy();
    await waiting(registry, 0);
    const next = post(`${url}/start`, {});
    await waiting(registry, 1);
    await registry.require(sessionId).end(new SessionEnd('stopped', ''));
    expect((await next).status).toBe(200);
    expect(registry.size).toBe(1);
  });

  it('stays ready in /readyz, because clients must reach their sessions', async () => {
    const { url, readiness } = await start(platform, { maxSessions: 1 });
    expect([readiness.isReady, readiness.atCapacity]).toEqual([true, false]);
    await post(`${url}/start`, {});
    expect([readiness.isReady, readiness.atCapacity]).toEqual([true, true]);
  });

  it.each([
    ['twilio', /<Response><Say>All lines are busy\..*<\/Say><Hangup\/><\/Response>/],
    ['telnyx', /<Response><Say>/],
    ['plivo', /<Response><Speak>/],
  ])('tells callers from %s that all lines are busy', async (carrier, xml) => {
    const { url } = await start(platform, { maxSessions: 1, webSocketAuth: 'token' });
    const call = async () => {
      const response = await fetch(`${url}/telephony/${carrier}`, { method: 'POST' });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(/^application\/xml/);
      return response.text();
    };
    expect(await call()).toMatch(/<Stream/);
    expect(await call()).toMatch(xml);
  });
});

describe.each(PLATFORMS)('an overloaded runner on %s', (platform) => {
  it('refuses sessions until the load falls', async () => {
    let load = 0;
    let asked = () => {};
    const loadFunction = async () => {
      asked();
      return load;
    };
    /** The load as it is now has been seen. */
    const seen = async () => {
      for (let i = 0; i < 2; i++) await new Promise<void>((resolve) => (asked = resolve));
    };
    const { url, wsUrl, readiness } = await start(platform, {
      loadFunction,
      loadThreshold: 0.5,
      loadIntervalMs: 1,
    });
    expect((await post(`${url}/start`, {})).status).toBe(200);
    load = 0.5;
    await seen();
    expect([readiness.status, readiness.isReady]).toEqual(['overloaded', false]);
    const refused = await post(`${url}/start`, {});
    expect([refused.status, refused.json.code]).toEqual([503, 'OVERLOADED']);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await (await fetch(`${url}/status`)).json()).toEqual({
      status: 'overloaded',
      transports: [],
    });
    await expect(closeOf(`${wsUrl}/ws-client`)).resolves.toMatchObject({ code: 1013 });
    load = 0.4;
    await seen();
    expect(readiness.status).toBe('ready');
    expect((await post(`${url}/start`, {})).status).toBe(200);
  });
});

describe.each(PLATFORMS)('@nestjs/throttler on %s', (platform) => {
  it('limits the rate of session starts and nothing else', async () => {
    const host = await ChildHost.start('test/support/throttled-host.js', platform);
    try {
      const { url } = host;
      for (let i = 0; i < 2; i++) expect((await post(`${url}/start`, {})).status).toBe(200);
      // Whatever the URL looks like.
      const { status, headers, json } = await post(`${url}/start?again`, {});
      expect(status).toBe(429);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      expect(json).toMatchObject({
        statusCode: 429,
        error: 'Too Many Requests',
        code: 'RATE_LIMITED',
        detail: expect.stringMatching(/Too Many Requests/),
      });
      for (let i = 0; i < 3; i++) expect((await fetch(`${url}/status`)).status).toBe(200);
      expect((await fetch(`${url}/sessions`)).status).toBe(200);
    } finally {
      await host.kill();
    }
  });
});
