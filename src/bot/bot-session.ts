import type { RunnerLog } from '../errors/runner-logger.js';

/**
 * Handler that answers a request with a web-standard `Response`, whose body may be streamed. `request.url` starts with the path after
 * `/sessions/<id>`. `request.signal` aborts when the client is gone. `authorization`, `host` and hop-by-hop headers are removed. An error is
 * answered 500 without details.
 */
export type SessionRequestHandler = (request: Request) => Response | Promise<Response>;

/** Session of a bot: identity, abort signal and readiness. */
export abstract class BotSession {
  /** Session id, as in the answer of `/start` and `args.session_id`. */
  abstract readonly id: string;
  /** Wire name of the transport: `webrtc`, `daily`, `websocket`, `twilio`, … */
  abstract readonly transport: string;
  /**
   * Aborts when the conversation has to end. `signal.reason` is the {@link SessionEnd}
   * (peer left, stopped, draining, too long …).
   */
  abstract readonly signal: AbortSignal;
  /** Name of the bot from a `CallRouter` or `SessionStarter`, for a launcher with several. */
  readonly bot?: string;
  /** `claims` of the principal that started the session, from the host's `RunnerAuth`; empty for API keys. */
  abstract readonly claims: Readonly<Record<string, unknown>>;
  /** Logger with the session's id. */
  abstract readonly logger: RunnerLog;
  /** Marks the bot as ready: the session goes from `launching` to `running`. Idempotent. */
  abstract ready(): void;
  /**
   * Registers the handler of HTTP requests to `/sessions/<id>/…`, like Pipecat Cloud's session API. The last one registered is used.
   */
  abstract onRequest(handler: SessionRequestHandler): void;
}
