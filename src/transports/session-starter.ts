import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../auth/runner-auth.js';
import type { SessionEnd } from '../bot/session-end.js';
import { type PublicBaseUrl, PublicUrls } from '../http/public-url.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { type OpenSession, SessionRegistry } from '../sessions/session-registry.js';
import type { SessionCall } from '../sessions/session-state.js';
import type { Session } from '../sessions/session.js';
import { type WaitingClient, waitsUntil } from '../sessions/admission.js';
import type { StartAnswer } from '../start/dto/start-answer.dto.js';
import { StartRequest } from '../start/dto/start-request.dto.js';
import { Uploads } from '../uploads/uploads.js';
import { validateInto } from '../validation/validate-into.js';
import type { RunnerTransport, StartContext } from './runner-transport.js';
import { TransportRegistry } from './transport-registry.js';

/** The body of a `POST /start`, and options that only the host may set. */
export interface StartSessionOptions extends Partial<StartRequest> {
  /** Name of the bot, for a launcher with several: `session.bot`. */
  readonly bot?: string;
  /** Principal that owns the session. Its `id` is counted for `maxSessions`; its `claims` become `session.claims`. */
  readonly principal?: Principal;
  /** Longest duration from the launch of the bot, in milliseconds. @default the runner's `maxSessionDurationMs`, which is an upper bound */
  readonly maxDurationMs?: number;
  /** Longest wait for the client to connect, in milliseconds. @default the runner's `pendingTtlMs`, which is an upper bound */
  readonly connectTimeoutMs?: number;
  /** Phone call of the session, for the records of `SessionHooks`. */
  readonly call?: SessionCall;
  /** Parameters that the carrier returns when it connects, in `call_data.body`. Part of {@link StartedSession.xml}. @default none */
  readonly customParameters?: Readonly<Record<string, string>>;
  /** Aborts waiting in the start queue (`startQueueMs`), and for a bot over MoQ to be ready. */
  readonly signal?: AbortSignal;
}

/** A session started by the host's code: the answer of `POST /start`, its carrier document and its end. */
export interface StartedSession extends StartAnswer {
  /** Session id, also the `session_id` of the bot. */
  readonly sessionId: string;
  /** Document that connects a call to the session, for Twilio (`Twiml`), Telnyx (`Texml`) or Plivo (answer of its `answer_url`); else `undefined`. */
  readonly xml?: string;
  /** Resolves with the reason when the session ends. Never rejects. */
  readonly ended: Promise<SessionEnd>;
}

/** Options of a start beside the request. */
export interface StartTerms extends Omit<OpenSession, 'transport' | 'body'> {
  /** Returns the public URL of this runner. @throws {RunnerError} `NO_PUBLIC_URL` */
  readonly baseUrl: () => PublicBaseUrl;
  /** The client that waits in the start queue. */
  readonly client: WaitingClient;
}

/** A session that is set up and ready for its client. */
export interface SetUpSession {
  readonly context: StartContext;
  /** Answer for the client: that of the session's transport, with `sessionId` and `fileUploadUrl` unless it has a `wsUrl`. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** URL for uploads of files to the session; `undefined` when uploads are off, or where no public URL is known. */
  readonly fileUploadUrl: string | undefined;
}

/**
 * Starts sessions from the host's code exactly as `POST /start` does: with admission, queue, limits, tokens and records.
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
    private readonly uploads: Uploads,
  ) {}

  /**
   * Opens a session. Transports that answer with a URL of the runner (`websocket`, the carriers) require `publicUrl`.
   * @throws {RunnerError} the errors of `POST /start`, or `NO_PUBLIC_URL`
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

  /** @internal Builds the answer for a session that is set up. */
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
   * @internal Opens a session and has its transport set it up.
   * @param complete last step before the session counts as started; when it throws the session ends as `start_failed`
   * @throws {RunnerError} `INVALID_FIELDS`, `TRANSPORT_UNAVAILABLE`, or the refusal of the session
   */
  async start<T>(
    asked: unknown,
    { baseUrl, client, ...terms }: StartTerms,
    complete: (started: SetUpSession) => T | Promise<T>,
  ): Promise<T> {
    const { name, request, transport } = this.choose(asked, terms);
    const setUp = async (session: Session): Promise<T> => {
      const context = new LazyStartContext(name, session, request, client, baseUrl);
      const answer = await transport.start(context);
      const fileUploadUrl = this.fileUploadUrl(context);
      return complete({
        context,
        answer: clientAnswer(session.id, answer, fileUploadUrl),
        fileUploadUrl,
      });
    };
    const open = { transport: name, body: request.body, kind: transport.kind, ...terms };
    return this.sessions.start(open, setUp, client);
  }

  private fileUploadUrl(context: StartContext): string | undefined {
    if (!this.uploads.isOn) return undefined;
    try {
      return context.baseUrl.clientUrl(`/sessions/${context.session.id}/files`);
    } catch {
      // The host starts it, and no public URL is known.
      return undefined;
    }
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

/** Returns the answer for the client. The published WebSocket transport refuses every field but `wsUrl` and `token`. */
function clientAnswer(
  sessionId: string,
  answer: Readonly<Record<string, unknown>>,
  fileUploadUrl: string | undefined,
): Readonly<Record<string, unknown>> {
  if ('wsUrl' in answer) return answer;
  const named = { sessionId, ...answer };
  return fileUploadUrl === undefined ? named : { ...named, fileUploadUrl };
}

/** Derives the URL when it is read. A getter of an object literal would give every start a hidden class of its own, which keeps the request in memory. */
class LazyStartContext implements StartContext {
  constructor(
    readonly name: string,
    readonly session: Session,
    readonly request: StartRequest,
    readonly client: WaitingClient,
    private readonly urlOf: () => PublicBaseUrl,
  ) {}

  get baseUrl(): PublicBaseUrl {
    return this.urlOf();
  }
}
