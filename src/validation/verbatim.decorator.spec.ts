import { describe, expect, it } from '@jest/globals';
import {
  instanceToInstance,
  instanceToPlain,
  plainToInstance,
  type ClassTransformOptions,
} from 'class-transformer';
import { validateSync } from 'class-validator';
import * as runner from '../../test/support/all-classes.js';
import { apiFieldsOf } from './api-field.decorator.js';
import type { PlainClass } from './field-traits.js';
import { isClass } from './options.js';

/** JSON with keys that objects have anyway. */
const hostile = (): Record<string, unknown> =>
  JSON.parse(
    '{"toString":"x","constructor":1,"hasOwnProperty":null,"then":"now","nested":{"toString":"y","constructor":{"name":"z"},"list":[{"valueOf":1},[]]}}',
  ) as Record<string, unknown>;

const { DailyRunnerArguments, CallData, DailyRoomProperties, StartRequest } = runner;
const ROOM = { room_url: 'https://example.daily.co/room' };

/** The fields of all exported classes whose values are anything: those that the runner only passes on. */
const OPAQUE = Object.values(runner as Record<string, unknown>)
  .filter((one): one is PlainClass => isClass(one))
  .flatMap((cls) =>
    apiFieldsOf(cls)
      .filter(
        ([, { type, additionalProperties, oneOf }]) =>
          type === Object || additionalProperties || oneOf?.some(({ type }) => type === 'object'),
      )
      .map(([name, { isArray }]) => [cls.name, name, isArray ?? false, cls] as const),
  );

describe('a field that is passed on as it is', () => {
  it('is one of many', () => expect(OPAQUE.length).toBeGreaterThan(25));

  it.each(OPAQUE)('comes through class-transformer and back: %s.%s', (_, name, isArray, cls) => {
    const value = isArray ? [hostile()] : hostile();
    const copy = structuredClone(value);
    for (const options of [{}, { enableImplicitConversion: true }] as ClassTransformOptions[]) {
      const instance = plainToInstance(cls, { [name]: value }, options) as Record<string, unknown>;
      expect(instance[name]).toEqual(copy);
      expect(instanceToPlain(instance)[name]).toEqual(copy);
      expect((JSON.parse(JSON.stringify(instance)) as Record<string, unknown>)[name]).toEqual(copy);
      // It is an ordinary field afterwards.
      instance[name] = 'changed';
      expect(instance[name]).toBe('changed');
    }
  });

  it('makes runner arguments that are valid, and that make the round trip', () => {
    const plain = {
      ...ROOM,
      body: hostile(),
      cli_args: hostile(),
      call_data: { call_id: 'CA1', body: hostile(), extra_headers: hostile() },
    };
    const args = plainToInstance(DailyRunnerArguments, plain);
    expect(args).toBeInstanceOf(DailyRunnerArguments);
    expect(args.call_data).toBeInstanceOf(CallData);
    expect(validateSync(args)).toEqual([]);
    expect(args.body).toHaveProperty('toString', 'x');
    const there = instanceToPlain(args);
    expect(there).toMatchObject(plain);
    expect(there.call_data).not.toBeInstanceOf(CallData);
    expect(instanceToInstance(args)).toEqual(args);
    const wire = JSON.parse(JSON.stringify(args)) as Record<string, unknown>;
    expect(wire).toMatchObject(plain);
    expect(runner.runnerArgumentsFromJSON(wire)).toEqual(args);
  });

  it('does not let call data pass for something else by the keys that every object has', () => {
    const call_data = { call_id: 7, constructor: 'x', toString: 'y' };
    const args = plainToInstance(DailyRunnerArguments, { ...ROOM, call_data });
    expect(args.call_data).toEqual(new CallData({ call_id: 7 as never }));
    expect(validateSync(args).map(({ property }) => property)).toEqual(['call_data']);
    expect(JSON.parse(JSON.stringify(args))).toMatchObject({ call_data_type: 'CallData' });
  });

  it.each(['text', 7, false, null, ['a', { toString: 'b' }]])('may hold %j as well', (body) => {
    expect(plainToInstance(StartRequest, { body }).body).toEqual(body);
    expect(instanceToPlain(new DailyRunnerArguments({ ...ROOM, body })).body).toEqual(body ?? {});
  });

  it('keeps its default where there is none, and is refused where it is of a wrong kind', () => {
    const options = { exposeDefaultValues: true };
    expect(plainToInstance(DailyRunnerArguments, ROOM, options).body).toEqual({});
    const wrong = plainToInstance(DailyRunnerArguments, { ...ROOM, call_data: 'CA1' });
    expect(validateSync(wrong).map(({ property }) => property)).toEqual(['call_data']);
    const properties = plainToInstance(DailyRoomProperties, { dialout_config: 'no' });
    expect(validateSync(properties).map(({ property }) => property)).toEqual(['dialout_config']);
  });
});
