import type { InjectionToken } from '@nestjs/common';
import type { HttpRequest } from '../http/http-request.js';
import type { AccessKind } from './access.js';

/** A request that asks to be let in. */
export interface AuthRequest {
  readonly access: Exclude<AccessKind, 'open' | 'webhook'>;
  /** The framework's own request, with whatever guards and middleware of the host left on it. */
  readonly request: HttpRequest;
  /** The session it is about: the `:id` of the route, where it has one. */
  readonly sessionId: string | undefined;
}

/** The principal of a request that was let in. An empty object is somebody without a name. */
export interface Principal {
  /** The name under which its sessions are counted together for {@link maxSessions}. */
  readonly id?: string;
  /**
   * The owner of the sessions that it starts: only principals of the same owner, and those that reach all, reach them at `/sessions/:id/*`.
   * `null` is nobody: every principal reaches those sessions.
   * @default its `id`
   */
  readonly owner?: string | null;
  /** True if it reaches the sessions of others, too. @default false */
  readonly reachesAll?: boolean;
  /** The most sessions that those of this `id` may hold at once; needs an `id`. @default as many as the runner */
  readonly maxSessions?: number;
  /** The facts that the bot gets as `session.claims`. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/**
 * Decides who may use the runner's HTTP routes, and the DI token under which it is found. The one there is takes the keys of
 * `publicKeys` and `privateKeys`; a host that knows its users gives its own: `RunnerModule.forRoot({ auth: JwtAuth })`.
 * The host's own guards apply besides, and come first.
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
   * @returns who it is, or `undefined` to refuse with 401
   * @throws to refuse otherwise: `ForbiddenException`, or another exception of Nest or the runner
   */
  abstract authorize(request: AuthRequest): Principal | undefined | Promise<Principal | undefined>;
}

/** Returns the DI token of the {@link RunnerAuth} of a runner. @param name its `name`; without one it is the class itself */
export const getAuthToken = (name?: string): InjectionToken<RunnerAuth> =>
  name === undefined ? RunnerAuth : `PipecatRunnerAuth_${name}`;

/** True if a principal may reach a session that another, or the same, started. */
export function reaches(principal: Principal | undefined, starter: Principal | undefined): boolean {
  const owner = ownerOf(starter);
  return owner === undefined || principal?.reachesAll === true || ownerOf(principal) === owner;
}

const ownerOf = (principal: Principal = {}): string | undefined =>
  principal.owner === undefined ? principal.id : (principal.owner ?? undefined);
