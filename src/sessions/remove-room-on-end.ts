import type { SessionEnd } from '../bot/session-end.js';
import type { Session } from './session.js';

/**
 * Has a provider's room removed when its session ends: always when no conversation came about in it (the start failed, or the bot
 * did before it was ready), otherwise only when asked for.
 *
 * @param deleteOnEnd whether the room goes with every session
 * @param remove removes the room; called at most once
 */
export function removeRoomOnEnd(
  session: Session,
  deleteOnEnd: boolean,
  remove: () => Promise<unknown>,
): void {
  session.onEnd(async (reason) => {
    if (deleteOnEnd || !cameAbout(session, reason)) await remove();
  });
}

function cameAbout({ state }: Session, { code }: SessionEnd): boolean {
  if (state.readyAtMs !== undefined) return true;
  return state.launchedAtMs !== undefined && code !== 'failed' && code !== 'not_ready';
}
