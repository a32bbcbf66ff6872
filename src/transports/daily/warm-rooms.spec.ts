import { setImmediate } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { THROWABLES } from '../../../test/faults/throwables.js';
import { HttpAdapterHost } from '@nestjs/core';
import { RunnerServing } from '../../http/runner-serving.js';
import type { DailyMeeting, DailyRooms } from './daily-rooms.js';
import { resolveDailyOptions } from './daily.options.js';
import { WarmRooms } from './warm-rooms.js';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('rooms that are made ahead', () => {
  it.each(Object.entries(THROWABLES))('are tried again after %s', async (_, make) => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- that is what is tested
    const dailyRooms = { meetPhone: () => Promise.reject(make()) } as unknown as DailyRooms;
    const serving = new RunnerServing(new HttpAdapterHost());
    const rooms = new WarmRooms(
      resolveDailyOptions({ apiKey: 'key', warmRooms: 1, dialinSecret: 'c2VjcmV0' }),
      dailyRooms,
      serving,
    );
    rooms.onModuleInit();
    serving.begin();
    await setImmediate();
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/^no warm Daily room: .+ in 1 s$/s)]]);
    await rooms.beforeApplicationShutdown();
  });

  describe('at Daily', () => {
    const TTL_MS = 3_600_000;
    let made: number;
    let removed: string[];
    let meetPhone: () => Promise<DailyMeeting>;
    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
      jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
      made = 0;
      removed = [];
      meetPhone = async () => {
        const roomName = `room ${++made}`;
        return { roomName, roomUrl: `https://x.daily.co/${roomName}`, token: 'token' };
      };
    });
    afterEach(() => void jest.useRealTimers());

    async function serve(warmRooms: number): Promise<WarmRooms> {
      const dailyRooms = {
        meetPhone: () => meetPhone(),
        remove: async (name: string) => void removed.push(name),
      } as unknown as DailyRooms;
      const serving = new RunnerServing(new HttpAdapterHost());
      const options = { apiKey: 'key', warmRooms, warmRoomTtlMs: TTL_MS, dialinSecret: 'c2VjcmV0' };
      const rooms = new WarmRooms(resolveDailyOptions(options), dailyRooms, serving);
      rooms.onModuleInit();
      serving.begin();
      await setImmediate();
      return rooms;
    }

    it('are replaced whenever one is taken', async () => {
      const rooms = await serve(2);
      for (let i = 1; i <= 3; i++) {
        expect(rooms.take()?.roomName).toBe(`room ${i}`);
        await setImmediate();
        expect([rooms.size, made]).toEqual([2, i + 2]);
      }
      await rooms.beforeApplicationShutdown();
      expect(jest.getTimerCount()).toBe(0);
    });

    it('are replaced when they expire', async () => {
      const rooms = await serve(1);
      jest.advanceTimersByTime(TTL_MS);
      await setImmediate();
      expect([removed, rooms.take()?.roomName]).toEqual([['room 1'], 'room 2']);
      await rooms.beforeApplicationShutdown();
    });

    it('are removed when the application shuts down, also one that is being made', async () => {
      const rooms = await serve(2);
      let make!: () => void;
      const now = meetPhone;
      meetPhone = () => new Promise((resolve) => (make = () => resolve(now())));
      rooms.take();
      const down = rooms.beforeApplicationShutdown();
      make();
      await down;
      expect(removed).toEqual(['room 2', 'room 3']);
      expect(rooms.size).toBe(0);
    });
  });
});
