import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type BotLauncher, MetricsModule, type WebSocketRunnerArguments } from '../../src/index.js';
import { type FleetApp, FleetApps } from '../support/fleet-apps.js';
import { describeWith } from '../support/needs.js';
import { connect, nextText, post } from '../support/runner-app.js';
import { until } from '../support/until.js';

/** Tells what it was asked. */
const bot: BotLauncher['launch'] = async (args, session) => {
  session.onRequest(async (request) => {
    const { pathname, search } = new URL(request.url);
    const body = await request.text();
    const headers = Object.fromEntries(request.headers);
    return Response.json({
      path: pathname + search,
      method: request.method,
      body,
      headers,
    });
  });
  session.ready();
  (args as WebSocketRunnerArguments).websocket.send('ready');
  await new Promise((resolve) => session.signal.addEventListener('abort', resolve));
};

describeWith('redis-server')('requests for a session on another node', () => {
  let fleet: FleetApps;
  beforeEach(async () => {
    fleet = await FleetApps.begin();
  });
  afterEach(() => fleet.end());

  /** Opens a session on one, and its socket on another. */
  const run = async (opener: FleetApp, owner: FleetApp) => {
    const { sessionId, json } = await post(`${opener.url}/start`, { transport: 'websocket' });
    const socket = await connect(`${owner.wsUrl}/ws-client?token=${String(json.token)}`);
    expect(await nextText(socket)).toBe('ready');
    return { id: sessionId, socket };
  };

  it.each([
    ['fastify', 'express'],
    ['express', 'fastify'],
  ] as const)('reach its bot from %s to %s', async (first, second) => {
    const features = [MetricsModule.forRoot()];
    const [a, b, c] = [
      await fleet.start(first, bot, { features }),
      await fleet.start(second, bot),
      await fleet.start(first, bot),
    ];
    const { id, socket } = await run(a, b);
    for (const { url } of [a, b, c]) {
      const response = await fetch(`${url}/sessions/${id}/notes/1%2F2?x=%20y`, {
        method: 'PUT',
        body: 'A'.repeat(100_000),
        headers: { 'x-other': 'too' },
      });
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({
        path: '/notes/1%2F2?x=%20y',
        method: 'PUT',
        body: 'A'.repeat(100_000),
        headers: { 'x-other': 'too', ...(url !== b.url && { 'x-forwarded-for': '127.0.0.1' }) },
      });
    }
    const metrics = await (await fetch(`${a.url}/metrics`)).text();
    expect(metrics).toContain('\npipecat_fleet_proxied_total{kind="request"} 1\n');
    socket.close();
  });

  it('end it wherever a DELETE comes, at once after its socket has moved', async () => {
    const [a, b, c] = [
      await fleet.start('fastify', bot),
      await fleet.start('express', bot),
      await fleet.start('express', bot),
    ];
    for (const asked of [a, b, c]) {
      const { id, socket } = await run(a, b);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      const response = await fetch(`${asked.url}/sessions/${id}?reason=enough`, {
        method: 'DELETE',
      });
      expect([response.status, await response.json()]).toEqual([
        200,
        { status: 'terminated', session_id: id },
      ]);
      await closed;
    }
    await until(() => b.records.length === 3);
    expect(b.records.map(({ code }) => code)).toEqual(['stopped', 'stopped', 'stopped']);
    expect([a.records, c.records]).toEqual([[], []]);
  });

  it('are to be tried again, and not given up, while Redis does not tell where it is', async () => {
    const of = { leaseMs: 30_000 };
    const [a, b, c] = [
      await fleet.start('fastify', bot, { of }),
      await fleet.start('express', bot, { of }),
      await fleet.start('express', bot, { of }),
    ];
    const { id, socket } = await run(a, b);
    const ask = async ({ url }: FleetApp) => {
      const { status, headers } = await fetch(`${url}/sessions/${id}/notes`);
      return [status, headers.get('retry-after')];
    };
    fleet.redis.pause();
    try {
      // The first misses, and all when it is known to be away.
      for (let n = 0; n < 4; n++) {
        expect(await Promise.all([ask(a), ask(c)])).toEqual([
          [503, '5'],
          [503, '5'],
        ]);
      }
      expect(await ask(b)).toEqual([200, null]);
      expect((await fetch(`${c.url}/sessions/${id}`)).status).toBe(503);
    } finally {
      fleet.redis.resume();
    }
    await until(async () => (await ask(a))[0] === 200 && (await ask(c))[0] === 200);
    socket.close();
  });

  it('end one that waits, wherever a DELETE comes', async () => {
    const [a, b] = [await fleet.start('fastify', bot), await fleet.start('express', bot)];
    for (const asked of [a, b]) {
      const { sessionId, json } = await post(`${a.url}/start`, { transport: 'websocket' });
      const stop = () => fetch(`${asked.url}/sessions/${sessionId}`, { method: 'DELETE' });
      expect((await stop()).status).toBe(200);
      expect((await stop()).status).toBe(404);
      const socket = await connect(`${b.wsUrl}/ws-client?token=${String(json.token)}`);
      expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(4003);
    }
    await until(() => a.records.length + b.records.length === 2);
  });
});
