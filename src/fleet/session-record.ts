import { type Principal, reaches } from '../auth/runner-auth.js';
import type { SessionTerms } from '../sessions/session-state.js';
import type { Session } from '../sessions/session.js';
import type { AbandonedSession } from './fleet.js';
import type { NodeEnd, RedisFleetNode } from './redis-fleet-node.js';
import type { Claim } from './session-directory.js';

/** Terms of a session that its record keeps, sealed. */
type SessionData = Omit<SessionTerms, 'transport'>;

/** Returns what a record keeps of a session, as JSON can hold it. */
export const dataOf = ({
  body,
  bot,
  call,
  credentials,
  customParameters,
  maxDurationMs,
  principal,
  traceparent,
}: SessionData): SessionData => ({
  body,
  bot,
  call,
  credentials,
  customParameters,
  maxDurationMs: finite(maxDurationMs),
  traceparent,
  principal: principal && { ...principal, maxSessions: finite(principal.maxSessions) },
});

/** Returns the terms of a session from its record. */
export const termsOf = (transport: string, data: unknown): SessionTerms => ({
  // Sealed by a node of this fleet, and so well-formed.
  ...(data as SessionData | undefined),
  transport,
});

/** Returns the end of a session for its record; `undefined` before its end. */
export const endOf = (
  { id, botStartMs, isDiscarded, state }: Session,
  epoch: number | undefined,
): NodeEnd | undefined =>
  state.name === 'ended'
    ? { id, code: state.reason.code, epoch, botStartMs, isDiscarded }
    : undefined;

/** Claims a session for a principal. One of another owner is `missing`, and is not touched. */
export async function claimAs(
  node: RedisFleetNode,
  id: string,
  transports: readonly string[],
  principal: Principal,
): Promise<Claim> {
  if (principal.reachesAll !== true) {
    const record = await node.read(id);
    if (!record || !reaches(principal, termsOf(record.transport, record.data).principal)) {
      return { outcome: 'missing' };
    }
  }
  return node.claim(id, transports);
}

/** Abandons the session of a phone call, unless it is of another call. @throws {DirectoryUnavailableError} */
export async function abandonCall(
  node: RedisFleetNode,
  id: string,
  callId: string,
): Promise<AbandonedSession> {
  const record = await node.read(id);
  const terms = record && termsOf(record.transport, record.data);
  if (terms && terms.call?.callId !== callId) return { isOther: true };
  const code = await node.places.abandon(id);
  return code === undefined ? { terms } : { code };
}

/** JSON has no infinity, and no limit means the same. */
const finite = (value: number | undefined): number | undefined =>
  value === Infinity ? undefined : value;
