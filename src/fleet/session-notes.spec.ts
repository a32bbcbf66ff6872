import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { Session } from '../sessions/session.js';
import { SessionNotes } from './session-notes.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const session = { id: 's', state: { name: 'running', sinceMs: 1 } } as Session;

it('sends a note again that Redis did not take, but not once it is stopped', async () => {
  const run = jest.fn(() => Promise.reject(new Error('away')));
  const notes = new SessionNotes({ run } as never, 'node');
  notes.add(session);
  await jest.advanceTimersByTimeAsync(600);
  expect(run.mock.calls).toHaveLength(2);
  jest.advanceTimersByTime(200);
  expect(run.mock.calls).toHaveLength(3);
  // While it is on its way.
  notes.stop();
  await jest.advanceTimersByTimeAsync(10_000);
  expect(run.mock.calls).toHaveLength(3);
});
