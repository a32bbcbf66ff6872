import type { SessionEnd } from '../bot/session-end.js';
import type { Session } from './session.js';

/**
 * Removes a provider's room when its session ends: always without a conversation (a failed start, or a bot that was never ready), otherwise only if
 * configured.
 * @param deleteOnEnd removes the room of every session
 * @param remove removes the room; called at most once
 */
export function removeRoomOnEnd(
  session: Session,
  deleteOnEnd: boolean,
  remove: () => Promise<unknown>,
): void {
  session.onEnd(async (reason) => {
    // The node that has the session removes it.
    if (session.isDiscarded) return;
    if (deleteOnEnd || !cameAbout(session, reason)) await remove();
  });
}

function cameAbout({ state }: Session, { code }: SessionEnd): boolean {
  if (state.readyAtMs !== undefined) return true;
  return state.launchedAtMs !== undefined && code !== 'failed' && code !== 'not_ready';
}
