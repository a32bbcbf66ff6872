import type { HttpRequest } from '../http/http-request.js';
import { RunnerRequest } from '../http/runner-request.js';
import type { Principal } from './runner-auth.js';

declare module '../http/runner-request.js' {
  interface RunnerRequest {
    /** The principal that sent it, as the route's `@Access()` found out. */
    principal?: Principal;
  }
}

/** Returns the principal of a request, as its route's `@Access()` found out. */
export const principalOf = (request: HttpRequest): Principal | undefined =>
  RunnerRequest.of(request).principal;

/** A principal whose fields were read and checked once, so that what is counted under its `id` cannot change. */
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
   * Returns the checked copy of a principal.
   * @throws {TypeError} that says what is wrong with it, and what is accepted
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

function problemOf(principal: OwnPrincipal): string | undefined {
  const { id, owner, reachesAll, maxSessions, claims }: { [K in keyof Principal]?: unknown } =
    principal;
  if (id !== undefined && (typeof id !== 'string' || id === '')) {
    return 'a string that is not empty as id, or none.';
  }
  if (owner !== undefined && owner !== null && typeof owner !== 'string') {
    return 'a string or null as owner, or none.';
  }
  if (reachesAll !== undefined && typeof reachesAll !== 'boolean') {
    return 'true or false as reachesAll, or none.';
  }
  if (claims !== undefined && (typeof claims !== 'object' || claims === null)) {
    return 'an object as claims, or none.';
  }
  if (maxSessions === undefined || maxSessions === Infinity) return undefined;
  if (!Number.isSafeInteger(maxSessions) || Number(maxSessions) < 0) {
    return 'a whole number of at least 0 as maxSessions, or none.';
  }
  return id === undefined
    ? 'an id where it has maxSessions, for they are counted by it.'
    : undefined;
}
