import type { RunnerArguments } from './runner-arguments.js';
import { RunnerLogger, type RunnerLog } from '../errors/runner-logger.js';
import { RunnerError } from '../errors/runner.error.js';

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

/**
 * Launcher of the host's bot, and its DI token.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class SupportBot extends BotLauncher {
 *   async launch(args: RunnerArguments, session: BotSession): Promise<void> {
 *     if (args instanceof WebSocketRunnerArguments) { … }
 *   }
 * }
 * ```
 */
export abstract class BotLauncher {
  /**
   * Runs one conversation. The session ends when the returned promise settles: `completed` when it resolves, `failed` when it rejects.
   * When `session.signal` aborts, return soon: after the grace period (`stopGraceMs`) the runner closes the bot's connection.
   * @param args arguments of the transport; `instanceof` distinguishes them
   * @param session identity, abort signal and readiness of this conversation
   */
  abstract launch(args: RunnerArguments, session: BotSession): Promise<void>;

  /**
   * Lifecycle hook, called once when the runner begins to serve. Starts what the first conversation needs, such as processes or models. Unlike
   * `onModuleInit` it does not run in a CLI, a worker or a test that shares the module and never serves. Not awaited; a failure is logged.
   */
  prepare(): void | Promise<void> {}

  /**
   * Returns true if its bots hold the peer connection of such arguments in processes of their own. The runner then passes on the client's offer and
   * ICE candidates, and needs no WebRTC package.
   */
  holdsPeers(_args: abstract new (...init: never[]) => RunnerArguments): boolean {
    return false;
  }

  /**
   * Lifecycle hook, called while the application starts, before {@link prepare}: there will be bots that hold the peer connection of such arguments.
   */
  preparePeers(_args: abstract new (...init: never[]) => RunnerArguments): void {}

  /**
   * Returns the reason why this launcher cannot run a bot with such arguments, with the fix; `undefined` when it can. A transport with no other
   * arguments is disabled.
   */
  refusal(_args: abstract new (...init: never[]) => RunnerArguments): string | undefined {
    return undefined;
  }
}

const FIX =
  'No bot is configured. Pass one to the module: RunnerModule.forRoot({ launcher: MyBot }), where MyBot extends BotLauncher.';

/** Default launcher without a bot: warns at start-up, and refuses every start with the fix. */
export class MissingBotLauncher extends BotLauncher {
  override prepare(): void {
    new RunnerLogger('PipecatRunner').warn(FIX);
  }

  /** @throws {RunnerError} `NO_BOT` for the default launcher */
  static refuse(launcher: BotLauncher): void {
    if (launcher instanceof MissingBotLauncher) throw new RunnerError('NO_BOT', FIX);
  }

  async launch(): Promise<void> {
    MissingBotLauncher.refuse(this);
  }
}
