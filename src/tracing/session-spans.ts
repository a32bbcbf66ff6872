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
  }
}

/** End codes with the span status `ERROR`. */
const FAILURES: readonly SessionEndCode[] = ['failed', 'peer_error', 'start_failed', 'not_ready'];

/**
 * Tracing with one OpenTelemetry span for each session, a child of the span that is active at its start. The bot runs in the span's
 * context, so that the bot's own spans are its children.
 */
export class SessionSpans implements SessionObserver {
  private readonly tracer: opentelemetry.Tracer;

  constructor(private readonly api: typeof opentelemetry) {
    this.tracer = api.trace.getTracer('nestjs-pipecat-runner');
  }

  changed(session: Session): void {
    const { id, transport, state, context } = session;
    if (state.name === 'pending') {
      const attributes = { 'pipecat.session.id': id, 'pipecat.transport': transport };
      context.span = this.tracer.startSpan('pipecat.session', { attributes });
      return;
    }
    const { span } = context;
    if (state.name !== 'ended') {
      span?.addEvent(state.name);
      return;
    }
    const { code, message, cause } = state.reason;
    span?.setAttributes({
      // The transport can change when the client connects.
      'pipecat.transport': transport,
      'pipecat.session.end_reason': code,
    });
    if (FAILURES.includes(code)) {
      if (isInstance(cause, Error)) span?.recordException(cause);
      span?.setStatus({ code: this.api.SpanStatusCode.ERROR, message });
    }
    span?.end();
  }

  around<T>(session: Session, bot: () => T): T {
    const { context, trace } = this.api;
    const { span } = session.context;
    return span ? context.with(trace.setSpan(context.active(), span), bot) : bot();
  }
}
