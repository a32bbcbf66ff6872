import type { IncomingMessage, Server } from 'node:http';
import { type Context, context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type BotLauncher,
  RunnerModule,
  type RunnerOptions,
  type Session,
  SessionRegistry,
  TelephonyModule,
  TracingModule,
  WebSocketModule,
} from '../../src/index.js';
import { placeCall, RecordingLauncher } from '../../src/testing/index.js';
import { connect, PLATFORMS, post, type RunningApp, startApp } from '../support/runner-app.js';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
});
afterAll(async () => {
  context.disable();
  trace.disable();
  await provider.shutdown();
});

let running: RunningApp | undefined;
afterEach(async () => {
  await running?.app.close();
  running = undefined;
  exporter.reset();
});

/** Equivalent of `@opentelemetry/instrumentation-http`: a span for each request, active while it is handled. */
function instrument(server: Server): Span[] {
  const spans: Span[] = [];
  const emit = server.emit.bind(server);
  server.emit = (event: string, ...args: unknown[]): boolean => {
    if (event !== 'request') return emit(event, ...args);
    const span = trace.getTracer('http').startSpan('HTTP request');
    spans.push(span);
    const inSpan: Context = trace.setSpan(context.active(), span);
    context.bind(inSpan, args[0] as IncomingMessage);
    return context.with(inSpan, () => emit(event, ...args));
  };
  return spans;
}

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

const sessionSpan = (id: unknown): ReadableSpan | undefined =>
  exporter
    .getFinishedSpans()
    .find(
      ({ name, attributes }) =>
        name === 'pipecat.session' && attributes['pipecat.session.id'] === id,
    );

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
    const thinking = exporter.getFinishedSpans().find(({ name }) => name === 'thinking')!;
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
