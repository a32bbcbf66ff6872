import { describe, expect, it } from '@jest/globals';
import { DailyRoomProperties } from '../transports/daily/dto/daily-room-properties.dto.js';
import { validateInto } from './validate-into.js';

describe('a class that keeps the keys it does not know', () => {
  it.each(Object.getOwnPropertyNames(Object.prototype))(
    'does not keep %s, behind which its checks would not be found',
    (key) => {
      const json = (value: unknown): unknown => JSON.parse(`{"${key}":1,"exp":${String(value)}}`);
      expect(() => validateInto(DailyRoomProperties, json('"soon"'))).toThrow(/exp must be a time/);
      const kept = validateInto(DailyRoomProperties, json(60));
      expect(kept.exp).toBe(60);
      expect(Object.hasOwn(kept, key)).toBe(false);
      expect(kept.constructor).toBe(DailyRoomProperties);
    },
  );
});
