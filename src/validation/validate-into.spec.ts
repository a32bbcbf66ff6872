import { IsOptional, IsString } from 'class-validator';
import { describe, expect, it } from '@jest/globals';
import { busyMs } from '../../test/support/busy-ms.js';
import { DailyRoomProperties } from '../transports/daily/dto/daily-room-properties.dto.js';
import { Nested } from './field-traits.js';
import { InvalidFieldsError } from './invalid-fields.error.js';
import { validateInto } from './validate-into.js';

class Inner {
  @IsString({ message: 'name must be a string' })
  name!: string;
}

class Outer {
  @IsOptional()
  @Nested(() => Inner)
  inner?: Inner;
}

class Defaults {
  @IsOptional()
  @IsString({ message: 'voice must be a string' })
  voice?: string = 'alloy';
}

describe('a field that is not given', () => {
  it.each([[{}], [{ voice: null }], [{ voice: undefined }], [Object.create({ voice: 7 })]])(
    'keeps its default: %j',
    (plain) => expect(validateInto(Defaults, plain)).toEqual({ voice: 'alloy' }),
  );
});

/** Returns what is said of a value. */
function errorsOf(plain: unknown) {
  try {
    validateInto(Outer, plain);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidFieldsError);
    return (error as InvalidFieldsError).errors;
  }
}

describe('a list in the place of an object', () => {
  it.each([[[]], [[{ name: 'x' }]], [[0, {}]], [['x']]])('is one error: %j', (inner) => {
    expect(errorsOf({ inner })).toEqual([{ field: 'inner', message: 'inner must be an object' }]);
  });

  it('costs no time for each of its members', () => {
    const inner = Array<number>(350_000).fill(0);
    expect(busyMs(() => expect(errorsOf({ inner })).toHaveLength(1))).toBeLessThan(50);
  });
});

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
