import type { Server } from 'node:http';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type BotLauncher,
  RunnerModule,
  type RunnerOptions,
  type Session,
  SessionEnd,
  SessionRegistry,
  TelephonyModule,
  TracingModule,
  WebSocketModule,
} from '../../src/index.js';
import { placeCall, RecordingLauncher } from '../../src/testing/index.js';
import { connect, PLATFORMS, post, type RunningApp, startApp } from '../support/runner-app.js';
import { instrument, Traces } from '../support/traces.js';
import { until } from '../support/until.js';

const traces = new Traces();
beforeAll(() => traces.begin());
afterAll(() => traces.end());

let running: RunningApp | undefined;
afterEach(async () => {
  await running?.app.close();
  running = undefined;
  traces.reset();
});

async function start(
  platform: (typeof PLATFORMS)[number],
  launcher: BotLauncher,
  options: RunnerOptions = {},
) {
  running = await startApp(platform, [
    RunnerModule.forRoot({
      launcher: { useValue: launcher },
      transports: [WebSocketModule.forRoot(), TelephonyModule.forRoot()],
      features: [TracingModule.forRoot()],
      ...options,
    }),
  ]);
  const requests = instrument(running.app.getHttpServer() as Server);
  return { ...running, requests, sessions: running.app.get(SessionRegistry, { strict: false }) };
}

const sessionSpan = (id: unknown): ReadableSpan | undefined => traces.ofSession(id)[0];

describe.each(PLATFORMS)('session spans on %s', (platform) => {
  it('last from start to end, as child of the request and parent of the bot’s spans', async () => {
    const launcher = new RecordingLauncher(async (_args, session) => {
      session.ready();
      await Promise.resolve();
      trace.getTracer('bot').startSpan('thinking').end();
    });
    const { url, requests, sessions } = await start(platform, launcher);
    const { json, sessionId } = await post(`${url}/start`, { transport: 'websocket' });
    const session = sessions.get(sessionId)!;
    expect(sessionSpan(session.id)).toBeUndefined();
    await connect(json.wsUrl as string);
    await session.ended;

    const span = sessionSpan(session.id)!;
    expect(span.attributes).toEqual({
      'pipecat.session.id': session.id,
      'pipecat.transport': 'websocket',
      'pipecat.session.end_reason': 'completed',
    });
    expect(span.parentSpanContext?.spanId).toBe(requests[0]!.spanContext().spanId);
    expect(span.spanContext().traceId).toBe(requests[0]!.spanContext().traceId);
    expect(span.events.map(({ name }) => name)).toEqual(['launching', 'running']);
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    const thinking = traces.spans.find(({ name }) => name === 'thinking')!;
    expect(thinking.parentSpanContext?.spanId).toBe(span.spanContext().spanId);
  });

  it('have no parent for an untraced request, and name the carrier once known', async () => {
    const launcher = new RecordingLauncher();
    const { wsUrl } = await start(platform, launcher);
    const call = await placeCall({ carrier: 'plivo', url: `${wsUrl}/ws` });
    const { session } = await launcher.nextLaunch();
    await call.hangUp();
    await (session as Session).ended;
    const span = sessionSpan(session.id)!;
    expect(span.parentSpanContext).toBeUndefined();
    expect(span.attributes).toMatchObject({
      'pipecat.transport': 'plivo',
      'pipecat.session.end_reason': 'peer_left',
    });
  });

  it('are children of the request that queued, whoever has made room for it', async () => {
    const launcher = new RecordingLauncher();
    const limits = { maxSessions: 1, startQueueMs: 10_000 };
    const { url, requests, sessions } = await start(platform, launcher, limits);
    const first = await post(`${url}/start`, { transport: 'websocket' });
    const queued = post(`${url}/start`, { transport: 'websocket' });
    await until(() => sessions.queued === 1);
    const made = trace.getTracer('test').startSpan('made room');
    context.with(trace.setSpan(context.active(), made), () => {
      void sessions.end(first.sessionId, new SessionEnd('stopped', 'To make room.'));
    });
    const { sessionId } = await queued;
    await sessions.end(sessionId, new SessionEnd('stopped', 'Enough.'));
    expect(sessionSpan(sessionId)!.parentSpanContext?.spanId).toBe(
      requests[1]!.spanContext().spanId,
    );
  });

  it('record errors', async () => {
    const launcher = new RecordingLauncher(() => Promise.reject(new Error('the bot broke')));
    const { url, sessions } = await start(platform, launcher);
    const { json, sessionId } = await post(`${url}/start`, { transport: 'websocket' });
    const session = sessions.get(sessionId)!;
    await connect(json.wsUrl as string);
    await session.ended;
    const span = sessionSpan(session.id)!;
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'The bot failed.' });
    expect(span.events.at(-1)).toMatchObject({
      name: 'exception',
      attributes: { 'exception.message': 'the bot broke' },
    });
  });
});
