import type { Server } from 'node:http';
import { trace } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type BotLauncher, TracingModule } from '../../src/index.js';
import { FleetApps } from '../support/fleet-apps.js';
import { describeWith } from '../support/needs.js';
import { connect, type Platform, post } from '../support/runner-app.js';
import { instrument, Traces } from '../support/traces.js';
import { until } from '../support/until.js';

const traces = new Traces();
beforeAll(() => traces.begin());
afterAll(() => traces.end());

describeWith('redis-server')('session spans of a fleet', () => {
  let fleet: FleetApps;
  beforeEach(async () => {
    fleet = await FleetApps.begin();
  });
  afterEach(async () => {
    await fleet.end();
    traces.reset();
  });

  const bot: BotLauncher['launch'] = async (_args, session) => {
    session.ready();
    await Promise.resolve();
    trace.getTracer('bot').startSpan('thinking').end();
  };
  const start = async (platform: Platform, pendingTtlMs = 60_000) => {
    const running = await fleet.start(platform, bot, {
      features: [TracingModule.forRoot()],
      ...{ maxSessions: 3, pendingTtlMs, of: { heartbeatMs: 100 } },
    });
    // The nodes ask each other, and themselves, as well.
    const requests = instrument(running.app.getHttpServer() as Server, '/start');
    return { ...running, requests };
  };

  it.each(['fastify', 'express'] as const)(
    'are one, of the node that the client came to, as child of the request to another on %s',
    async (platform) => {
      const [a, b] = [await start(platform), await start('fastify')];
      const beforeMs = Date.now();
      const { json, sessionId } = await post(`${a.url}/start`);
      const startedMs = Date.now();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await connect(`${b.wsUrl}/ws-client?token=${String(json.token)}`);
      await until(() => traces.ofSession(sessionId).length > 0);
      // Beyond the heartbeats in which the opener learns of it.
      await new Promise((resolve) => setTimeout(resolve, 500));
      const [span, ...others] = traces.ofSession(sessionId);
      expect(others).toEqual([]);
      const request = a.requests[0]!.spanContext();
      expect(span!.spanContext().traceId).toBe(request.traceId);
      expect(span!.parentSpanContext).toMatchObject({ spanId: request.spanId, isRemote: true });
      expect(span!.events.map(({ name }) => name)).toEqual(['launching', 'running']);
      const [seconds, nanoseconds] = span!.startTime;
      const beganMs = seconds * 1_000 + nanoseconds / 1e6;
      expect(beganMs).toBeGreaterThan(beforeMs - 50);
      expect(beganMs).toBeLessThan(startedMs + 50);
      const thinking = traces.spans.find(({ name }) => name === 'thinking')!;
      expect(thinking.parentSpanContext?.spanId).toBe(span!.spanContext().spanId);
    },
  );

  it('are one of the opener, for a client that comes there', async () => {
    const a = await start('fastify');
    const { json, sessionId } = await post(`${a.url}/start`);
    await connect(`${a.wsUrl}/ws-client?token=${String(json.token)}`);
    await until(() => traces.ofSession(sessionId).length > 0);
    const [span] = traces.ofSession(sessionId);
    expect(span!.parentSpanContext?.spanId).toBe(a.requests[0]!.spanContext().spanId);
  });

  it('end once for a session that nobody came for', async () => {
    const a = await start('fastify', 300);
    await start('fastify', 300);
    const { sessionId } = await post(`${a.url}/start`);
    await until(() => traces.ofSession(sessionId).length > 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const spans = traces.ofSession(sessionId);
    expect(spans.map(({ attributes }) => attributes['pipecat.session.end_reason'])).toEqual([
      'expired',
    ]);
    expect(spans[0]!.parentSpanContext?.spanId).toBe(a.requests[0]!.spanContext().spanId);
  });
});
