import { expect } from '@jest/globals';
import type { RoomQueue } from '../../src/fleet/room-queue.js';

/** Hands a room over with all that a queue does: its job is added, taken, given back, taken again, and done. */
export async function handOver(rooms: RoomQueue): Promise<void> {
  await rooms.add('one');
  const job = await rooms.next();
  expect(job?.id).toBe('one');
  await job?.giveBack();
  await (await rooms.next())?.done();
}
