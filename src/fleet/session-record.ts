import type { SessionTerms } from '../sessions/session-state.js';

/** Terms of a session that its record keeps, sealed. */
type SessionData = Omit<SessionTerms, 'transport'>;

/** Returns what a record keeps of a session, as JSON can hold it. */
export const dataOf = ({
  body,
  bot,
  call,
  maxDurationMs,
  principal,
  traceparent,
}: SessionData): SessionData => ({
  body,
  bot,
  call,
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

/** JSON has no infinity, and no limit means the same. */
const finite = (value: number | undefined): number | undefined =>
  value === Infinity ? undefined : value;
