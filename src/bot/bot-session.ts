import type { RunnerLog } from '../errors/runner-logger.js';

/**
 * Answers one request with a web-standard `Response`, whose body may be a stream. `request.url` starts with the path behind
 * `/sessions/<id>`; `request.signal` aborts when nobody waits for the answer any more. The headers `authorization`, `host` and those
 * about the connection are left out. What it throws becomes a 500 that says nothing of it.
 */
export type SessionRequestHandler = (request: Request) => Response | Promise<Response>;

/** The session of a bot: its identity, its abort signal and its readiness. */
export abstract class BotSession {
  /** The id that `/start` returned to the client, and `args.session_id`. */
  abstract readonly id: string;
  /** The wire name of the transport: `webrtc`, `daily`, `websocket`, `twilio`, … */
  abstract readonly transport: string;
  /**
   * Aborts when the conversation has to end. `signal.reason` is a {@link SessionEnd} that says why
   * (peer left, stopped, draining, too long …).
   */
  abstract readonly signal: AbortSignal;
  /** The bot that is to talk, as a `CallRouter` or `SessionStarter` named it: a launcher of several bots switches on it. */
  readonly bot?: string;
  /** The `claims` of the principal that started the session, from the host's `RunnerAuth`; empty for keys. */
  abstract readonly claims: Readonly<Record<string, unknown>>;
  /** Logs under the session's id. */
  abstract readonly logger: RunnerLog;
  /** Marks the bot as up: the session goes from `launching` to `running`. Calling it again changes nothing. */
  abstract ready(): void;
  /**
   * Answers HTTP requests to `/sessions/<id>/…` while the bot runs, as Pipecat Cloud's session API does. What is registered last counts.
   *
   * @example
   * ```ts
   * session.onRequest(async (request) => {
   *   const { pathname } = new URL(request.url); // what stands behind /sessions/<id>
   *   if (pathname === '/context' && request.method === 'POST') return Response.json(this.update(await request.json()));
   *   return new Response('no such thing', { status: 404 });
   * });
   * ```
   */
  abstract onRequest(handler: SessionRequestHandler): void;
}
