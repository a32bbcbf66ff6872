import { setImmediate } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { THROWABLES } from '../../../test/faults/throwables.js';
import { HttpAdapterHost } from '@nestjs/core';
import { RunnerServing } from '../../http/runner-serving.js';
import type { DailyRooms } from './daily-rooms.js';
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
});
