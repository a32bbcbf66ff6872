import { expect, it } from '@jest/globals';
import { PendingSessions } from '../sessions/admission.js';
import { Session } from '../sessions/session.js';
import { FollowedSessions } from './followed-sessions.js';
import type { OwnedSessions } from './owned-sessions.js';

it.each([
  ['stays while the directory has lost it, since it is announced again', true, 'pending'],
  ['ends where it is not announced', false, 'ended'],
])('the copy of a session that waits %s', async (_, isAnnounced, state) => {
  const waiting = new PendingSessions(60_000, () => undefined);
  const session = new Session('one', { transport: 'websocket' }, () => waiting.delete('one'));
  waiting.add(session);
  const owned = { has: () => false, isAnnounced: () => isAnnounced } as unknown as OwnedSessions;
  await new FollowedSessions(waiting, owned, async () => ['gone']).look();
  expect([session.state.name, waiting.size]).toEqual([state, state === 'pending' ? 1 : 0]);
  waiting.delete('one');
});
