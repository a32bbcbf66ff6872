import type { IncomingMessage, Server } from 'node:http';
import { type Context, context, type Span, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** The tracing of this process, with all finished spans in memory. */
export class Traces {
  private readonly exporter = new InMemorySpanExporter();
  private readonly provider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(this.exporter)],
  });

  /** Makes it the tracing of this process. */
  begin(): void {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(this.provider);
  }

  async end(): Promise<void> {
    context.disable();
    trace.disable();
    await this.provider.shutdown();
  }

  reset(): void {
    this.exporter.reset();
  }

  /** The finished spans. */
  get spans(): ReadableSpan[] {
    return this.exporter.getFinishedSpans();
  }

  /** The finished spans of a session. */
  ofSession(id: unknown): ReadableSpan[] {
    return this.spans.filter(
      ({ name, attributes }) =>
        name === 'pipecat.session' && attributes['pipecat.session.id'] === id,
    );
  }
}

/** Equivalent of `@opentelemetry/instrumentation-http`: a span for each request, active while it is handled. @param path the only one @default all paths */
export function instrument(server: Server, path?: string): Span[] {
  const spans: Span[] = [];
  const emit = server.emit.bind(server);
  server.emit = (event: string, ...args: unknown[]): boolean => {
    const request = args[0] as IncomingMessage;
    const isMeant = event === 'request' && (path === undefined || request.url === path);
    if (!isMeant) return emit(event, ...args);
    const span = trace.getTracer('http').startSpan('HTTP request');
    spans.push(span);
    const inSpan: Context = trace.setSpan(context.active(), span);
    context.bind(inSpan, request);
    return context.with(inSpan, () => emit(event, ...args));
  };
  return spans;
}
