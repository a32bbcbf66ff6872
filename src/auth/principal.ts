import type { HttpRequest } from '../http/http-request.js';
import { RunnerRequest } from '../http/runner-request.js';
import type { Principal } from './runner-auth.js';

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
