import { describe, expect, it, jest } from '@jest/globals';
import { SessionEnd, type SessionEndCode } from '../bot/session-end.js';
import { removeRoomOnEnd } from './remove-room-on-end.js';
import { Session } from './session.js';

const LIMITS = { maxSessionDurationMs: Infinity, readyTimeoutMs: Infinity, stopGraceMs: 0 };

/** Returns true when the room of a session is removed. @param reach how far its bot came */
async function isRemoved(
  reach: 'pending' | 'launched' | 'ready',
  code: SessionEndCode,
  deleteOnEnd = false,
): Promise<boolean> {
  const session = new Session('3f6c', { transport: 'daily' }, () => undefined);
  const remove = jest.fn(() => Promise.resolve());
  removeRoomOnEnd(session, deleteOnEnd, remove);
  if (reach !== 'pending') session.launch(() => new Promise(() => undefined), LIMITS);
  if (reach === 'ready') session.ready();
  await session.end(new SessionEnd(code, ''));
  return remove.mock.calls.length === 1;
}

describe('removeRoomOnEnd()', () => {
  it.each<['pending' | 'launched' | 'ready', SessionEndCode, boolean]>([
    ['pending', 'start_failed', true],
    ['pending', 'expired', true],
    ['launched', 'failed', true],
    ['launched', 'not_ready', true],
    ['launched', 'completed', false],
    ['launched', 'stopped', false],
    ['ready', 'failed', false],
    ['ready', 'completed', false],
  ])(
    'asks how the session went: %s, ended as %s, removes its room: %s',
    async (reach, code, is) => {
      expect(await isRemoved(reach, code)).toBe(is);
      expect(await isRemoved(reach, code, true)).toBe(true);
    },
  );
});
