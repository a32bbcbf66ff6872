import { describe, expect, it } from '@jest/globals';
import {
  IsArray,
  IsDefined,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  Min,
  ValidateBy,
  ValidateIf,
  validateSync,
} from 'class-validator';
import { StartRequest } from '../start/dto/start-request.dto.js';
import { DailyRoomProperties } from '../transports/daily/dto/daily-room-properties.dto.js';
import { isSurelyValid } from './is-surely-valid.js';

class Base {
  @IsString()
  name: unknown = 'a';
}

class Rules extends Base {
  @IsOptional()
  @IsInt()
  @Min(1)
  count: unknown;

  @IsIn(['a', 'b'])
  letter: unknown = 'a';

  @ValidateIf(({ letter }: Rules) => letter === 'b')
  @IsString()
  onlyWithB: unknown;
}

class Foreign {
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  list: unknown;
}

class Defined {
  @IsDefined()
  value: unknown = 1;
}

const VALUES = [undefined, null, '', 'a', 'b', 0, 1, -1, 1.5, NaN, true, {}, [], ['a'], [1]];

describe('isSurelyValid', () => {
  it.each([[Base], [Rules], [StartRequest], [DailyRoomProperties]])(
    'accepts exactly what class-validator accepts of %p without lists and nested objects',
    (cls) => {
      const fields = [
        ...['name', 'count', 'letter', 'onlyWithB', 'transport', 'createDailyRoom'],
        ...['dailyRoomProperties', 'namespace', 'exp', 'max_participants', 'unknown'],
      ];
      for (const field of fields) {
        for (const value of VALUES) {
          const instance = Object.assign(new cls(), { [field]: value });
          const valid = validateSync(instance, { forbidUnknownValues: false }).length === 0;
          expect([field, value, isSurelyValid(instance)]).toEqual([field, value, valid]);
        }
      }
    },
  );

  it('applies a condition on another field', () => {
    expect(isSurelyValid(Object.assign(new Rules(), { onlyWithB: 1 }))).toBe(true);
    expect(isSurelyValid(Object.assign(new Rules(), { letter: 'b', onlyWithB: 1 }))).toBe(false);
  });

  it.each([[['a']], [[]], [[1]]])('leaves the list %j to class-validator', (list) => {
    expect(isSurelyValid(Object.assign(new Foreign(), { list }))).toBe(false);
    expect(isSurelyValid(new Foreign())).toBe(true);
  });

  it('leaves a rule for each item to class-validator, though the list as a whole would pass', () => {
    class Names {
      @IsNotEmpty({ each: true })
      names: unknown = ['a', ''];
    }
    expect(isSurelyValid(new Names())).toBe(false);
  });

  it('leaves rules that answer with a promise to class-validator', () => {
    class Slow {
      @ValidateBy({ name: 'slow', async: true, validator: { validate: async () => false } })
      value: unknown = 1;
    }
    expect(isSurelyValid(new Slow())).toBe(false);
  });

  it('leaves rules that are no constraints to class-validator', () => {
    expect(isSurelyValid(new Defined())).toBe(false);
  });
});
