import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../auth/runner-auth.js';
import type { SessionEnd } from '../bot/session-end.js';
import { type PublicBaseUrl, PublicUrls } from '../http/public-url.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { type OpenSession, SessionRegistry } from '../sessions/session-registry.js';
import type { SessionCall } from '../sessions/session-state.js';
import type { Session } from '../sessions/session.js';
import { type WaitingClient, waitsUntil } from '../sessions/start-queue.js';
import type { StartAnswer } from '../start/dto/start-answer.dto.js';
import { StartRequest } from '../start/dto/start-request.dto.js';
import { validateInto } from '../validation/validate-into.js';
import type { RunnerTransport, StartContext } from './runner-transport.js';
import { TransportRegistry } from './transport-registry.js';

/** The body of a `POST /start`, and the terms that only the host may set. */
export interface StartSessionOptions extends Partial<StartRequest> {
  /** The bot that is to talk: `session.bot`, for a launcher that has several. */
  readonly bot?: string;
  /** The principal whose session it is: counted together with the others of its `id` for `maxSessions`; `session.claims` are its `claims`. */
  readonly principal?: Principal;
  /** The longest it may last from the launch of its bot, in milliseconds. @default the runner's `maxSessionDurationMs`, which holds in any case */
  readonly maxDurationMs?: number;
  /** The longest wait for its client, in milliseconds. @default the runner's `pendingTtlMs`, which holds in any case */
  readonly connectTimeoutMs?: number;
  /** The phone call it is for, for the records of `SessionHooks`. */
  readonly call?: SessionCall;
  /** Parameters for the carrier to hand back once it connects, found in `call_data.body`; they go into {@link StartedSession.xml}. @default none */
  readonly customParameters?: Readonly<Record<string, string>>;
  /** Gives up waiting for a place (`startQueueMs`). */
  readonly signal?: AbortSignal;
}

/** A session that the host has started: what `POST /start` answers, and two things more. */
export interface StartedSession extends StartAnswer {
  /** The document that connects a call to it, for the API of Twilio (`Twiml`), Telnyx (`Texml`) or Plivo (the answer of its `answer_url`); `undefined` otherwise. */
  readonly xml?: string;
  /** Resolves with the reason once it has ended. Never rejects. */
  readonly ended: Promise<SessionEnd>;
}

/** The terms of a start beside the request. */
export interface StartTerms extends Omit<OpenSession, 'transport' | 'body'> {
  /** The public URL of this runner. @throws {RunnerError} `NO_PUBLIC_URL` */
  readonly baseUrl: () => PublicBaseUrl;
  /** The client that waits for a place. */
  readonly client: WaitingClient;
}

/** A session that has been set up. */
export interface SetUpSession {
  readonly context: StartContext;
  /** The answer of its transport. */
  readonly answer: Readonly<Record<string, unknown>>;
}

/**
 * Starts sessions from the host's code, exactly as `POST /start` does for clients: with their places, queue, limits, tokens and records.
 *
 * @example
 * ```ts
 * const { wsUrl, token, ended } = await this.starter.startSession({ transport: 'websocket', body: { user: 7 } });
 * ```
 */
@Injectable()
export class SessionStarter {
  /** @internal injected */
  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly transports: TransportRegistry,
    private readonly sessions: SessionRegistry,
    private readonly publicUrls: PublicUrls,
  ) {}

  /**
   * Opens a session. Transports that answer with a URL of the runner's (`websocket`, the carriers) need `publicUrl`.
   * @throws {RunnerError} what `POST /start` answers with, or `NO_PUBLIC_URL`
   */
  startSession(options: StartSessionOptions = {}): Promise<StartedSession> {
    const {
      bot,
      principal,
      maxDurationMs,
      connectTimeoutMs,
      call,
      customParameters = {},
    } = options;
    const terms: StartTerms = {
      principal,
      bot,
      call,
      maxDurationMs,
      connectTimeoutMs,
      baseUrl: () => this.publicUrls.known(),
      client: waitsUntil(options.signal),
    };
    return this.start(options, terms, (started) => this.describe(started, customParameters));
  }

  /** @internal What is told of a session that has been set up. */
  describe(
    { context, answer }: SetUpSession,
    customParameters: Readonly<Record<string, string>> = {},
  ): StartedSession {
    const { session, name } = context;
    const xml = this.transports.require(name).connectXml(context, customParameters);
    return {
      sessionId: session.id,
      ...answer,
      ...(xml !== undefined && { xml }),
      ended: session.ended,
    };
  }

  /**
   * @internal Opens a session for whoever asks.
   * @param complete what is still to be done before it counts as started; when it throws the session ends as `start_failed`
   * @throws {RunnerError} `INVALID_FIELDS`, `TRANSPORT_UNAVAILABLE`, or what the session is refused for
   */
  async start<T>(
    asked: unknown,
    { baseUrl, client, ...terms }: StartTerms,
    complete: (started: SetUpSession) => T | Promise<T>,
  ): Promise<T> {
    const { name, request, transport } = this.choose(asked, terms);
    const setUp = async (session: Session): Promise<T> => {
      const context: StartContext = {
        name,
        session,
        request,
        get baseUrl() {
          return baseUrl();
        },
      };
      return complete({ context, answer: await transport.start(context) });
    };
    return this.sessions.start({ ...terms, transport: name, body: request.body }, setUp, client);
  }

  private choose(
    asked: unknown,
    { principal, call }: Pick<StartTerms, 'principal' | 'call'>,
  ): {
    readonly name: string;
    readonly request: StartRequest;
    readonly transport: RunnerTransport;
  } {
    let name: string | undefined;
    try {
      const request = validateInto(StartRequest, asked);
      name = this.transportOf(request);
      return { name, request, transport: this.transports.require(name) };
    } catch (error) {
      throw this.sessions.observers.refused(error, { transport: name, principal, call });
    }
  }

  private transportOf({ transport, createDailyRoom }: StartRequest): string {
    const { onlyTransport, defaultTransport } = this.options;
    return (
      transport ??
      (createDailyRoom ? 'daily' : undefined) ??
      onlyTransport ??
      defaultTransport ??
      this.transports.onlyOne ??
      'webrtc'
    );
  }
}
