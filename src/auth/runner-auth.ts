import type { InjectionToken } from '@nestjs/common';
import type { HttpRequest } from '../http/http-request.js';

/**
 * Access kind of a request, which decides the required key.
 *
 * | kind | routes | with keys |
 * | --- | --- | --- |
 * | `start` | routes that start sessions: `/start`, `/daily`, … | public or private |
 * | `session` | routes of one session: `/sessions/:id/*` | public or private |
 * | `manage` | listing, inspecting and stopping sessions | private |
 * | `webhook` | webhooks, which are signed instead | none |
 * | `open` | probes and API documentation | none |
 */
export type AccessKind = 'start' | 'session' | 'manage' | 'webhook' | 'open';

/** Request to be authorized. */
export interface AuthRequest {
  readonly access: Exclude<AccessKind, 'open' | 'webhook'>;
  /** The framework's request, including properties set by the host's guards and middleware. */
  readonly request: HttpRequest;
  /** Session of the request: the route's `:id`, if any. */
  readonly sessionId: string | undefined;
}

/** Principal of an authorized request. An empty object is an anonymous one. */
export interface Principal {
  /** Name under which its sessions are counted for {@link maxSessions}. */
  readonly id?: string;
  /**
   * Owner of the sessions that it starts. Only principals with the same owner, and those that reach all, can reach them at `/sessions/:id/*`.
   * `null`: every principal can.
   * @default its `id`
   */
  readonly owner?: string | null;
  /** True if it can reach the sessions of other owners. @default false */
  readonly reachesAll?: boolean;
  /** The most concurrent sessions of this `id`; requires an `id`. @default the runner's limit */
  readonly maxSessions?: number;
  /** Claims for the bot, in `session.claims`. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/**
 * Authorization of the runner's HTTP routes, and its DI token. The default checks `publicKeys` and `privateKeys`. A host with users of its own
 * provides one: `RunnerModule.forRoot({ auth: JwtAuth })`. The host's own guards apply too, and run first.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class JwtAuth extends RunnerAuth {
 *   constructor(private readonly jwt: JwtService) { super(); }
 *
 *   async authorize({ access, request }: AuthRequest): Promise<Principal | undefined> {
 *     const user = await this.jwt.verifyAsync(request.headers.authorization?.slice(7) ?? '').catch(() => undefined);
 *     if (!user || (access === 'manage' && !user.admin)) return undefined;
 *     return { id: user.sub, maxSessions: 2, claims: user };
 *   }
 * }
 * ```
 */
export abstract class RunnerAuth {
  /**
   * Authorizes a request.
   * @returns the principal, or `undefined` to refuse with 401
   * @throws to refuse otherwise: `ForbiddenException`, or another exception of Nest or the runner
   */
  abstract authorize(request: AuthRequest): Principal | undefined | Promise<Principal | undefined>;
}

/** Returns the DI token of the {@link RunnerAuth} of a runner. @param name its `name`; without one it is the class itself */
export const getAuthToken = (name?: string): InjectionToken<RunnerAuth> =>
  name === undefined ? RunnerAuth : `PipecatRunnerAuth_${name}`;

/** True if a principal may reach a session of the principal that started it. */
export function reaches(principal: Principal | undefined, starter: Principal | undefined): boolean {
  const owner = ownerOf(starter);
  return owner === undefined || principal?.reachesAll === true || ownerOf(principal) === owner;
}

const ownerOf = (principal: Principal = {}): string | undefined =>
  principal.owner === undefined ? principal.id : (principal.owner ?? undefined);
