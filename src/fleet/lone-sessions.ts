import { randomUUID } from 'node:crypto';
import { type OwnPrincipal, type Principal, reaches } from '../auth/runner-auth.js';
import type { RunnerError } from '../errors/runner.error.js';
import type { ResolvedRunnerOptions } from '../runner.options.js';
import { type Capacity, nobodyCame } from '../sessions/admission.js';
import type { OpenSession, SessionHistory } from '../sessions/session-registry.js';
import type { Session } from '../sessions/session.js';
import { sizeRefusal, unavailable } from './fleet-refusals.js';
import type { OwnedSessions } from './owned-sessions.js';
import type { ResolvedFleetSettings } from './redis-fleet.options.js';
import { dataOf } from './session-record.js';

/**
 * Sessions that this node opens while Redis is away. One that waits for its client takes a place here, and only this node gives it to a client, until the
 * directory is told of it: other nodes find this one by the token.
 */
export class LoneSessions {
  constructor(
    private readonly owned: OwnedSessions,
    private readonly capacity: Capacity,
    private readonly history: SessionHistory,
    private readonly settings: Pick<
      ResolvedFleetSettings,
      'roles' | 'whenRedisIsDown' | 'maxBodyBytes'
    >,
    private readonly options: Pick<ResolvedRunnerOptions, 'webSocketAuth'>,
  ) {}

  /** Opens a session without the directory. @param isHere true for one that this node serves at once @returns its id, or why there is none */
  open(
    request: OpenSession,
    isHere: boolean,
    principal: OwnPrincipal | undefined,
  ): string | RunnerError {
    const { id, kind = 'socket' } = request;
    if (this.settings.whenRedisIsDown === 'refuse' || id !== undefined) return unavailable();
    if (!isHere && !(kind === 'socket' && this.canWait)) return unavailable();
    // It has to fit into its record later.
    const data = JSON.stringify(dataOf({ ...request, principal }));
    const refusal =
      this.capacity.refusal(principal) ?? sizeRefusal(data, this.settings.maxBodyBytes);
    if (refusal) return refusal;
    const own = randomUUID();
    this.owned.addAlone(own, kind, !isHere, principal);
    return own;
  }

  /** True if a client finds this node wherever it comes: by its token. */
  private get canWait(): boolean {
    return this.options.webSocketAuth === 'token' && this.settings.roles.includes('sockets');
  }

  /** Called with a session that was opened; the directory ends those that it knows. */
  opened(session: Session, { connectTimeoutMs }: OpenSession): void {
    const { owned } = this;
    if (connectTimeoutMs === undefined || !owned.lone(session.id)) return;
    const expire = (): void => {
      if (owned.lone(session.id)) void session.end(nobodyCame());
    };
    session.after(connectTimeoutMs, expire)?.unref();
  }

  /**
   * Claims a session as far as this node decides about it, in one step.
   * @param isAway true while Redis does not answer
   * @returns the session, if it is available; `undefined` when the directory has to be asked
   */
  claim(
    id: string,
    transports: readonly string[],
    principal: Principal,
    isAway: boolean,
  ): { readonly session?: Session } | undefined {
    const { owned, history } = this;
    const session = owned.lone(id);
    if (!session) return isAway && (owned.has(id) || history.get(id)) ? {} : undefined;
    if (!transports.includes(session.transport) || !reaches(principal, session.principal)) {
      return {};
    }
    owned.settle(id);
    return { session };
  }
}
