import { expect, it } from '@jest/globals';
import { validateInto } from '../../validation/validate-into.js';
import { DailyRoom } from './daily-client.js';

it('a Daily room may have a URL of 2,048 characters and no more', () => {
  const room = (length: number): object => ({
    name: 'room',
    url: 'https://x.daily.co/'.padEnd(length, 'a'),
  });
  expect(validateInto(DailyRoom, room(2_048)).url).toHaveLength(2_048);
  expect(() => validateInto(DailyRoom, room(2_049))).toThrow(/of at most 2048 characters/);
});
