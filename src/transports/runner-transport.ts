import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { WaitingClient } from '../sessions/admission.js';
import type { HandOver } from '../sessions/session-context.js';
import type { SessionKind } from '../sessions/session-registry.js';
import type { Session } from '../sessions/session.js';
import type { StartRequest } from '../start/dto/start-request.dto.js';
import type { PublicBaseUrl } from '../http/public-url.js';

/** Context of a `POST /start` for the selected transport. */
export interface StartContext {
  /** Requested wire name: one of the transport's {@link RunnerTransport.names}. */
  readonly name: string;
  /** The session, already opened (`pending`), with the request's `body`. */
  readonly session: Session;
  /** The validated request. Starts from the host's code have no client that waits. */
  readonly request: StartRequest;
  /** Public base URL of this runner. @throws {RunnerError} `NO_PUBLIC_URL` where it is neither configured nor derivable from the request */
  readonly baseUrl: PublicBaseUrl;
  /** @internal The client that waits for the answer. */
  readonly client: WaitingClient;
}

/** Sources of a content security policy, by directive. */
export type BrowserSources = Readonly<
  Partial<Record<'script-src' | 'connect-src' | 'worker-src', readonly string[]>>
>;

/**
 * The port that every transport implements. A transport is a provider that extends this class and registers with the
 * {@link TransportRegistry}.
 */
export abstract class RunnerTransport {
  /** Values of `transport` in `POST /start` that this transport serves. */
  abstract readonly names: readonly string[];

  /** Reason why this transport is disabled on this instance, with the fix; `undefined` when it is enabled. */
  get disabledReason(): string | undefined {
    return undefined;
  }

  /** Way in which its clients come. `start()` launches the bots of a `room`, and of one that is `here`. @default 'socket' */
  get kind(): SessionKind {
    return 'socket';
  }

  /**
   * True where the provider itself removes the older of two bots of a session from its room. Where it does not, a node that is out of touch with its fleet stops
   * the bot before another node launches it again. @default false
   */
  get evictsOlderBot(): boolean {
    return false;
  }

  /** Sources that a browser's client loads and connects to beside the runner, for the console's content security policy. */
  get browserSources(): BrowserSources {
    return {};
  }

  /**
   * Answers `POST /start`: prepares the transport for the client and, where the bot starts at once, launches it.
   * When it throws, the session ends as `start_failed` and its resources are released.
   *
   * @returns the JSON answer. The caller adds `sessionId`, except where there is a `wsUrl`
   */
  abstract start(context: StartContext): Promise<Record<string, unknown>> | Record<string, unknown>;

  /**
   * Takes over a session of the kind `room` that another node of the fleet has set up with {@link start}, before its bot is launched here, or before it ends:
   * binds the room to it, so that its end removes the room.
   * @param args arguments that the other node launched it with
   * @param user identity of the user in the room, as given to `launch()`
   * @returns capabilities for the bot
   */
  takeOver(_session: Session, _args: RunnerArguments, _user?: string): HandOver {
    return {};
  }

  /**
   * Returns the carrier document, such as TwiML, that connects a call to a session; `undefined` where no carrier takes one.
   * @param context the context of {@link start}
   * @param customParameters parameters that the carrier returns when it connects
   */
  connectXml(
    _context: StartContext,
    _customParameters: Readonly<Record<string, string>>,
  ): string | undefined {
    return undefined;
  }
}
