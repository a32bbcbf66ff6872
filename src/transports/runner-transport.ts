import type { Session } from '../sessions/session.js';
import type { StartRequest } from '../start/dto/start-request.dto.js';
import type { PublicBaseUrl } from '../http/public-url.js';

/** What `POST /start` hands to the transport that was chosen. */
export interface StartContext {
  /** The wire name that was asked for: one of the transport's {@link RunnerTransport.names}. */
  readonly name: string;
  /** The session, already opened (`pending`), holding the request's `body`. */
  readonly session: Session;
  /** The validated request. It may come from the host's code: then there is no client that waits. */
  readonly request: StartRequest;
  /** Where the outside world reaches this runner. @throws {RunnerError} `NO_PUBLIC_URL` where that is neither configured nor to be seen */
  readonly baseUrl: PublicBaseUrl;
}

/** Sources of a content security policy, by directive. */
export type BrowserSources = Readonly<
  Partial<Record<'script-src' | 'connect-src' | 'worker-src', readonly string[]>>
>;

/**
 * The port every transport implements. A transport announces itself by being a provider that extends this class and
 * registers with the {@link TransportRegistry}; nothing else in the runner knows its name.
 */
export abstract class RunnerTransport {
  /** The values of `transport` in `POST /start` that this transport serves. */
  abstract readonly names: readonly string[];

  /** Why this transport cannot be used on this instance, with the fix; `undefined` when it can. */
  get disabledReason(): string | undefined {
    return undefined;
  }

  /** What a browser's client loads and connects to beside the runner itself: the console's policy must let it through. */
  get browserSources(): BrowserSources {
    return {};
  }

  /**
   * Answers `POST /start`: sets up what the client needs and, where the bot starts at once, launches it.
   * When it throws, the session ends as `start_failed` and everything it held is released.
   *
   * @returns the JSON answer, without the `sessionId`, which whoever started the session adds
   */
  abstract start(context: StartContext): Promise<Record<string, unknown>> | Record<string, unknown>;

  /**
   * The document that has a carrier connect a call to a session, such as TwiML, for whoever places the call; `undefined` where no carrier takes one.
   * @param context what {@link start} was given
   * @param customParameters what the carrier is to hand back once it connects
   */
  connectXml(
    _context: StartContext,
    _customParameters: Readonly<Record<string, string>>,
  ): string | undefined {
    return undefined;
  }
}
