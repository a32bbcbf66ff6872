import type * as opentelemetry from '@opentelemetry/api';
import type { SessionEndCode } from '../bot/session-end.js';
import { isInstance } from '../errors/thrown.js';
import type { Session } from '../sessions/session.js';
import type { SessionObserver } from '../sessions/session-observers.js';

// A file of its own, so that the declarations of the entry do not name the optional package.
declare module '../sessions/session-context.js' {
  interface SessionContext {
    /** The span of the session. */
    span?: opentelemetry.Span;
    /** Trace context in which this node has opened the session. */
    openedIn?: opentelemetry.Context;
  }
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** End codes with the span status `ERROR`. */
const FAILURES: readonly SessionEndCode[] = ['failed', 'peer_error', 'start_failed', 'not_ready'];

/**
 * Tracing with one OpenTelemetry span for each session, a child of the span that is active at its start, on whichever node. The
 * bot runs in the span's context, so that the bot's own spans are its children.
 */
export class SessionSpans implements SessionObserver {
  private readonly tracer: opentelemetry.Tracer;

  constructor(private readonly api: typeof opentelemetry) {
    this.tracer = api.trace.getTracer('nestjs-pipecat-runner');
  }

  get traceparent(): string | undefined {
    const { trace, context, isSpanContextValid } = this.api;
    const active = trace.getSpanContext(context.active());
    if (!active || !isSpanContextValid(active)) return undefined;
    const flags = active.traceFlags.toString(16).padStart(2, '0');
    return `00-${active.traceId}-${active.spanId}-${flags}`;
  }

  /** Begins the span when the client has come, with the time of the start: a session that waits may be served by another node. */
  changed(session: Session): void {
    const { transport, state, context } = session;
    if (state.name === 'pending') {
      context.openedIn = this.api.context.active();
      return;
    }
    const span = (context.span ??= this.begin(session));
    if (state.name !== 'ended') {
      span.addEvent(state.name);
      return;
    }
    const { code, message, cause } = state.reason;
    span.setAttributes({
      // The transport can change when the client connects.
      'pipecat.transport': transport,
      'pipecat.session.end_reason': code,
    });
    if (FAILURES.includes(code)) {
      if (isInstance(cause, Error)) span.recordException(cause);
      span.setStatus({ code: this.api.SpanStatusCode.ERROR, message });
    }
    span.end();
  }

  private begin({ id, transport, createdAtMs, context }: Session): opentelemetry.Span {
    const attributes = { 'pipecat.session.id': id, 'pipecat.transport': transport };
    const parent = context.openedIn ?? this.remote(context.traceparent);
    return this.tracer.startSpan('pipecat.session', { attributes, startTime: createdAtMs }, parent);
  }

  /** Returns the trace context of another node. */
  private remote(traceparent = ''): opentelemetry.Context {
    const { ROOT_CONTEXT, trace } = this.api;
    const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
    if (!traceId || !spanId || !flags) return ROOT_CONTEXT;
    const traceFlags = parseInt(flags, 16);
    return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
  }

  around<T>(session: Session, bot: () => T): T {
    const { context, trace } = this.api;
    const { span } = session.context;
    return span ? context.with(trace.setSpan(context.active(), span), bot) : bot();
  }
}
