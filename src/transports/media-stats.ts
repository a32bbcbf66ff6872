import type { MediaStats } from '../media/media-transport.js';
import type { Session } from '../sessions/session.js';

const stats = new WeakMap<Session, MediaStats>();

/** Ties what a session's media count to the session. */
export const linkMediaStats = (session: Session, counted: MediaStats): void =>
  void stats.set(session, counted);

/** What the media of a session counted so far; `undefined` for a bot that has none through `createTransport`. */
export const mediaStatsOf = (session: Session): MediaStats | undefined => stats.get(session);
