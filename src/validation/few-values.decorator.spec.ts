import { expect, it } from '@jest/globals';
import { StartRequest } from '../start/dto/start-request.dto.js';
import { validateInto } from './validate-into.js';

const members = (count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, i]));

it.each(['dailyRoomProperties', 'dailyMeetingTokenProperties'])(
  '%s may have a thousand values and no more, however deep',
  (field) => {
    for (const few of [members(1_000), { in: [members(998)] }, { in: { in: null } }]) {
      expect(() => validateInto(StartRequest, { [field]: few })).not.toThrow();
    }
    for (const many of [members(1_001), { in: [members(999)] }, { in: Array(1_000).fill({}) }]) {
      expect(() => validateInto(StartRequest, { [field]: many })).toThrow(
        `${field} must have at most 1,000 values`,
      );
    }
  },
);
