import { describe, expect, it } from '@jest/globals';
import { Nested } from './field-traits.js';
import { Accepts, IsText, Milliseconds, ValidatedBy } from './option.decorators.js';
import { InvalidOptionsError, optionNamesOf, resolveOptions } from './options.js';

class RoomOptions {
  @Milliseconds(1)
  ttlMs?: number = 60_000;
  @IsText()
  name?: string;
}

class HostOptions {
  @IsText()
  host?: string = 'localhost';
  @Nested(() => RoomOptions)
  room?: RoomOptions;
}

class ServerOptions extends HostOptions {
  @Milliseconds(1)
  timeoutMs?: number = 10_000;
  @ValidatedBy((value, { timeoutMs }: ServerOptions) =>
    Number(value) < Number(timeoutMs) ? undefined : 'must be less than timeoutMs',
  )
  pollMs?: number = 500;
  @Accepts('must be a function', (value) => typeof value === 'function')
  onReady?: () => void;
}

const resolve = (given: unknown): ServerOptions =>
  resolveOptions('ServerModule', new ServerOptions(), given, ['port']);

function problemsOf(given: unknown): readonly string[] {
  try {
    resolve(given);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError);
    return (error as InvalidOptionsError).problems;
  }
}

const NAMES = 'timeoutMs, pollMs, onReady, host, room';

describe('resolveOptions', () => {
  it('keeps the defaults of options that are absent or undefined', () => {
    const options = resolve({ timeoutMs: undefined, room: { name: 'a', ttlMs: undefined } });
    expect(options).toEqual({
      host: 'localhost',
      timeoutMs: 10_000,
      pollMs: 500,
      room: { name: 'a', ttlMs: 60_000 },
    });
    expect(options.room).toBeInstanceOf(RoomOptions);
  });

  it('returns new values for each call and changes nothing that it was given', () => {
    const given = Object.freeze({ room: Object.freeze({ name: 'a' }) });
    expect(resolve(given).room).not.toBe(given.room);
    expect(resolve(given)).not.toBe(resolve(given));
  });

  it.each<[unknown, string[]]>([
    [null, ['the options must be an object, not null']],
    [[], ['the options must be an object, not a list']],
    ['x', ['the options must be an object, not a string']],
    [new Date(), []],
    [{ host: '' }, ['host must be a string']],
    [{ host: null }, ['host must be a string']],
    [{ timeoutMs: 2 ** 31 }, ['timeoutMs must be a whole number of milliseconds, at least 1']],
    [{ pollMs: 20_000 }, ['pollMs must be less than timeoutMs']],
    [{ timeoutMs: 400 }, ['pollMs must be less than timeoutMs']],
    [{ timeoutMs: 400, pollMs: 300 }, []],
    [{ onReady: {} }, ['onReady must be a function']],
    [{ room: 'a' }, ['room must be an object']],
    [{ room: null }, ['room must be an object']],
    [{ room: [{ ttlMs: 0 }] }, ['room must be an object']],
    [{ room: { ttlMs: 0 } }, ['room.ttlMs must be a whole number of milliseconds, at least 1']],
    [
      { room: { tlMs: 1 } },
      ['room.tlMs is not an option; there are ttlMs, name; did you mean ttlMs?'],
    ],
    [{ hots: 'a' }, [`hots is not an option; there are ${NAMES}, port; did you mean host?`]],
    [{ colour: undefined }, []],
    [
      { port: 80 },
      ['port shapes the module: put it beside useFactory, and not into what that returns'],
    ],
    [
      JSON.parse('{"__proto__":{"host":1},"constructor":1}'),
      [
        `__proto__ is not an option; there are ${NAMES}, port`,
        `constructor is not an option; there are ${NAMES}, port`,
      ],
    ],
  ])('%j has the problems %j', (given, problems) => {
    expect(problemsOf(given)).toEqual(problems);
  });

  it('reports all problems together, with the owner of the options', () => {
    expect(() => resolve({ colour: 'red', host: 1, room: { name: 2 } })).toThrow(
      `ServerModule was given options it cannot use:
  - colour is not an option; there are ${NAMES}, port
  - host must be a string
  - room.name must be a string`,
    );
  });
});

it('the names of the options of a class include those of its ancestors', () => {
  expect(optionNamesOf(ServerOptions).join(', ')).toBe(NAMES);
});
