import type { IncomingMessage } from 'node:http';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { KeyAuth } from '../auth/key-auth.js';
import { isBearer, RunnerAuth } from '../auth/runner-auth.js';
import { SessionEnd } from '../bot/session-end.js';
import { RunnerError } from '../errors/runner.error.js';
import { isOriginAllowed } from '../http/allowed-origins.js';
import { FleetRouter } from '../http/fleet-router/fleet-router.js';
import type { NamedSession } from '../http/fleet-router/peers.js';
import { RunnerPaths } from '../http/runner-paths.js';
import { RUNNER_REF, type RunnerRef } from '../runner-ref.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import type { Session } from '../sessions/session.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import { SessionTokens } from '../sessions/session-token.js';
import { decodeBodyParam, extractToken, sessionIdParam } from './admission.js';
import { closeFor } from './close-codes.js';
import { SocketLiveness } from './liveness.js';
import { RunnerSocketAdapter } from './runner-socket-adapter.js';
import { type RunnerWebSocket, UNHEARD } from './runner-web-socket.js';

/** Admission rules of a gateway. */
export interface SocketAdmission {
  /** Wire names of the transports whose sessions can be claimed here. */
  readonly transports: readonly string[];
  /** Transport of a session that is opened for a client without a `POST /start`. */
  readonly openAs: string;
  /**
   * Those of {@link transports} and {@link openAs} whose sessions are opened and claimed with a token only.
   * @default none, or all with `webSocketAuth: 'token'`
   */
  readonly tokensOnly?: readonly string[];
  /**
   * Keep-alive interval of pings, in milliseconds. A client silent for one interval is disconnected. 0 disables pings.
   * @default 0
   */
  readonly pingIntervalMs?: number;
}

/** Admission of WebSocket clients: authorizes them, claims or opens the session, and binds its lifecycle to the socket. */
@Injectable()
export class SocketSessions {
  private warned = false;
  /** Keep-alives by their interval. */
  private readonly watches = new Map<number, SocketLiveness>();

  /** @internal injected */
  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly registry: SessionRegistry,
    private readonly tokens: SessionTokens,
    private readonly auth: RunnerAuth,
    @Inject(RUNNER_REF) runner: RunnerRef,
    paths: RunnerPaths,
    adapter: RunnerSocketAdapter,
    private readonly router: FleetRouter,
  ) {
    const { maxPayloadBytes, closeTimeoutMs } = options;
    adapter.add(runner, {
      maxPayloadBytes,
      closeTimeoutMs,
      isCredential: (authorization) => this.isCredential(authorization),
      basePath: () => paths.basePath,
      passUpgrade: (request, socket, head, pathToken) =>
        router.pipes && router.passUpgrade(request, socket, head, this.named(request, pathToken)),
    });
  }

  private named(request: IncomingMessage, pathToken: string | undefined): NamedSession | undefined {
    const token = extractToken(request, pathToken);
    return token === undefined ? undefined : this.tokens.read(token);
  }

  /** Asks the host's auth, which may be any object with an `authorize()`. */
  private isCredential(authorization: string): boolean {
    try {
      return this.auth.isCredential?.(authorization) ?? isBearer(authorization);
    } catch {
      return true;
    }
  }

  /** @internal Warns once when a WebSocket starts sessions without a key although HTTP requires one. */
  warnIfOpen(): void {
    const isOpen = this.auth instanceof KeyAuth && this.auth.isOpen;
    if (this.warned || isOpen || this.options.webSocketAuth !== 'none') return;
    this.warned = true;
    new Logger('PipecatRunner').warn(
      "HALF PROTECTED: HTTP wants a key, but whoever connects to a WebSocket starts a session. Set webSocketAuth: 'token'.",
    );
  }

  /**
   * Admits a new connection and returns its session, bound to the socket: either ends with the other. A refused connection (origin, token,
   * capacity) is closed with the matching close code, and the result is `undefined`.
   */
  async admit(
    socket: RunnerWebSocket,
    request: IncomingMessage,
    admission: SocketAdmission,
  ): Promise<Session | undefined> {
    try {
      const session = await this.findSession(socket, request, admission);
      this.bind(session, socket);
      this.watch(socket, request, admission.pingIntervalMs);
      return session;
    } catch (error) {
      const { code, reason } = closeFor(error);
      socket.close(code, reason);
      return undefined;
    } finally {
      this.router.settle(request);
    }
  }

  private watch(socket: RunnerWebSocket, request: IncomingMessage, pingIntervalMs = 0): void {
    const liveness = this.watches.get(pingIntervalMs) ?? new SocketLiveness(pingIntervalMs);
    this.watches.set(pingIntervalMs, liveness);
    liveness.watch(socket, request);
  }

  private async findSession(
    socket: RunnerWebSocket,
    request: IncomingMessage,
    admission: SocketAdmission,
  ): Promise<Session> {
    const { openAs: transport } = admission;
    let body: unknown;
    let announced: Session | undefined;
    try {
      if (!isOriginAllowed(request.headers.origin, this.options.allowedOrigins)) {
        throw new RunnerError('FORBIDDEN', 'origin not allowed');
      }
      body = decodeBodyParam(request);
      announced = await this.claim(extractToken(request, socket.pathToken), request, admission);
    } catch (error) {
      throw this.registry.observers.refused(error, { transport });
    }
    const session = announced ?? (await this.registry.open({ transport, isConnected: true }));
    // Copied, since bots may modify it.
    session.body ??= body ?? structuredClone(this.options.webSocketBody);
    return session;
  }

  /** Claims the session that a connection names; `undefined` where it names none and need not. */
  private async claim(
    token: string | undefined,
    request: IncomingMessage,
    { transports, openAs, tokensOnly = [] }: SocketAdmission,
  ): Promise<Session | undefined> {
    const isOpen = (transport: string): boolean =>
      this.options.webSocketAuth === 'none' && !tokensOnly.includes(transport);
    const signed = token === undefined ? undefined : this.tokens.sessionIdOf(token);
    const open = transports.filter(isOpen);
    const id = signed ?? sessionIdParam(request) ?? (token && UUID.test(token) ? token : undefined);
    if (id === undefined && isOpen(openAs)) return undefined;
    if (id === undefined || (signed === undefined && open.length === 0)) throw tokenNeeded();
    const session = await this.registry.claim(id, signed === undefined ? open : transports);
    if (session) return session;
    if (this.router.pipes?.hasMissed(request)) throw openerAway();
    throw signed === undefined
      ? new RunnerError('FORBIDDEN', 'no such session is waiting')
      : tokenNeeded();
  }

  /** Ends the session with the socket, and the socket with the session. */
  private bind(session: Session, socket: RunnerWebSocket): void {
    socket.guard((thrown) => session.fail(thrown), session);
    socket.on('error', (error) => {
      void session.end(new SessionEnd('peer_error', `The connection failed: ${error.message}`));
    });
    socket.once(UNHEARD, () =>
      session.logger.warn('the bot does not read its WebSocket; the oldest frames are dropped'),
    );
    const left = (code = 1006): void =>
      void session.end(
        socket.closedHere
          ? new SessionEnd('completed', 'The bot hung up.')
          : new SessionEnd('peer_left', `The caller left (${code}).`),
      );
    // The socket may have closed while its session was being claimed.
    if (socket.readyState === socket.CLOSED) left();
    else socket.once('close', left);
    session.onEnd((reason) => closed(socket, reason));
  }
}

/** Closes the socket with the close code of the reason, and waits until it is closed (ws cuts it after `closeTimeoutMs`). */
function closed(socket: RunnerWebSocket, end: SessionEnd): Promise<void> | undefined {
  if (socket.readyState === socket.CLOSED) return undefined;
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    const { code, reason } = closeFor(end);
    socket.close(code, reason);
    // A bot may have paused it, and then the peer's close frame would never be read.
    socket.resume();
  });
}

const openerAway = (): RunnerError =>
  new RunnerError('OVERLOADED', 'the node that may have the session does not answer; try again');

const tokenNeeded = (): RunnerError =>
  new RunnerError('UNAUTHORIZED', 'token missing, expired, used or wrong');

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
