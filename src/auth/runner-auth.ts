import type { InjectionToken } from '@nestjs/common';
import type { HttpRequest } from '../http/http-request.js';
import { RunnerRequest } from '../http/runner-request.js';

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
 */
export abstract class RunnerAuth {
  /**
   * Authorizes a request.
   * @returns the principal, or `undefined` to refuse with 401
   * @throws to refuse otherwise: `ForbiddenException`, or another exception of Nest or the runner
   */
  abstract authorize(request: AuthRequest): Principal | undefined | Promise<Principal | undefined>;

  /**
   * Returns true for an `Authorization` header that may be a credential of {@link authorize}. Bots do not get it with the upgrade request of a
   * WebSocket, which has those of carriers.
   * @default true for every `Bearer`
   */
  isCredential?(authorization: string): boolean;
}

/** True for an `Authorization` header of the scheme `Bearer`. */
export const isBearer = (authorization: string): boolean => /^bearer(\s|$)/i.test(authorization);

/** The most parts of an `Authorization` header that are looked at. */
const MAX_PARTS = 10;

/** Returns the parts of an `Authorization` header, such as its scheme and key. */
export const partsOf = (authorization: string): string[] =>
  authorization.trim().split(/[\s,]+/, MAX_PARTS);

/** Returns the DI token of the {@link RunnerAuth} of a runner. @param name its `name`; without one it is the class itself */
export const getAuthToken = (name?: string): InjectionToken<RunnerAuth> =>
  name === undefined ? RunnerAuth : `PipecatRunnerAuth_${name}`;

/** True if a principal may reach a session of the principal that started it. */
export function reaches(principal: Principal | undefined, starter: Principal | undefined): boolean {
  const owner = ownerOf(starter);
  return owner === undefined || principal?.reachesAll === true || ownerOf(principal) === owner;
}

/** Returns the owner of the sessions that a principal starts; `undefined` when everybody reaches them. */
export const ownerOf = (principal: Principal = {}): string | undefined =>
  principal.owner === undefined ? principal.id : (principal.owner ?? undefined);

declare module '../http/runner-request.js' {
  interface RunnerRequest {
    /** Principal authorized by the route's `@Access()`. */
    principal?: Principal;
  }
}

/** Returns the principal of a request, authorized by its route's `@Access()`. */
export const principalOf = (request: HttpRequest): Principal | undefined =>
  RunnerRequest.of(request).principal;

/** Validated snapshot of a principal, so that the `id` used for counting cannot change. */
export class OwnPrincipal implements Principal {
  readonly id?: string;
  readonly owner?: string | null;
  readonly reachesAll?: boolean;
  readonly maxSessions?: number;
  readonly claims?: Readonly<Record<string, unknown>>;

  private constructor({ id, owner, reachesAll, maxSessions, claims }: Principal) {
    Object.assign(this, { id, owner, reachesAll, maxSessions, claims });
    Object.freeze(this);
  }

  /**
   * Returns the validated snapshot of a principal.
   * @throws {TypeError} naming what is wrong and what is accepted
   */
  static of(principal: Principal): OwnPrincipal {
    if (principal instanceof OwnPrincipal) return principal;
    const own = new OwnPrincipal(principal);
    const problem = problemOf(own);
    if (problem === undefined) return own;
    throw new TypeError(
      `A principal, such as RunnerAuth.authorize() returns, must have ${problem}`,
    );
  }
}

/** Validation of each field, unless it is `undefined`. */
const RULES: Record<keyof Principal, readonly [(value: unknown) => boolean, accepted: string]> = {
  id: [(id) => typeof id === 'string' && id !== '', 'a string that is not empty as id'],
  owner: [(owner) => owner === null || typeof owner === 'string', 'a string or null as owner'],
  reachesAll: [(value) => typeof value === 'boolean', 'true or false as reachesAll'],
  maxSessions: [
    (max) => max === Infinity || (Number.isSafeInteger(max) && Number(max) >= 0),
    'a whole number of at least 0 as maxSessions',
  ],
  claims: [(claims) => typeof claims === 'object' && claims !== null, 'an object as claims'],
};

function problemOf(own: OwnPrincipal): string | undefined {
  for (const field of Object.keys(RULES) as (keyof Principal)[]) {
    const [accepts, accepted] = RULES[field];
    if (own[field] !== undefined && !accepts(own[field])) return `${accepted}, or none.`;
  }
  const { id, maxSessions = Infinity } = own;
  return id === undefined && maxSessions < Infinity
    ? 'an id where it has maxSessions, for they are counted by it.'
    : undefined;
}
