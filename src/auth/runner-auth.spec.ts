import { describe, expect, it } from '@jest/globals';
import { OwnPrincipal, partsOf, type Principal, reaches } from './runner-auth.js';

describe('a principal', () => {
  it('is read once, and keeps nothing but its fields', () => {
    const principal = {
      id: 'ada',
      owner: null,
      reachesAll: true,
      maxSessions: 2,
      claims: { plan: 'gold' },
      password: 'secret',
    };
    const own = OwnPrincipal.of(principal);
    principal.id = 'eve';
    expect(own).toEqual({
      id: 'ada',
      owner: null,
      reachesAll: true,
      maxSessions: 2,
      claims: { plan: 'gold' },
    });
    expect(OwnPrincipal.of(own)).toBe(own);
    expect(() => Object.assign(own, { id: 'eve' })).toThrow(TypeError);
  });

  it.each<[object, RegExp]>([
    [{ maxSessions: 2 }, /RunnerAuth.*an id where it has maxSessions/],
    [{ id: '' }, /a string that is not empty as id/],
    [{ id: 7 }, /a string that is not empty as id/],
    [{ owner: 7 }, /a string or null as owner/],
    [{ reachesAll: 'yes' }, /true or false as reachesAll/],
    [{ id: 'ada', maxSessions: '2' }, /a whole number of at least 0 as maxSessions/],
    [{ id: 'ada', maxSessions: NaN }, /a whole number of at least 0 as maxSessions/],
    [{ claims: 'gold' }, /an object as claims/],
  ])('that is %j is refused', (principal, message) => {
    expect(() => OwnPrincipal.of(principal as Principal)).toThrow(message);
  });

  it.each<Principal>([{}, { id: 'ada', maxSessions: 0 }, { maxSessions: Infinity }])(
    'may be %j',
    (principal) => {
      expect(OwnPrincipal.of(principal)).toEqual(principal);
    },
  );
});

describe('a session', () => {
  const ANYBODY: (Principal | undefined)[] = [undefined, {}, { id: 'eve' }, { owner: 'eve' }];

  it.each<[string, Principal | undefined]>([
    ['nobody in particular', undefined],
    ['an anonymous principal', {}],
    ['a principal that shares it', { id: 'ada', owner: null }],
  ])('that %s has started is reached by everybody', (_, starter) => {
    for (const principal of ANYBODY) expect(reaches(principal, starter)).toBe(true);
  });

  it.each<Principal>([{ id: 'ada' }, { owner: 'ada' }, { id: 'key-2', owner: 'ada' }])(
    'that %j has started is reached by its owner, and by those that reach all',
    (starter) => {
      for (const principal of ANYBODY) expect(reaches(principal, starter)).toBe(false);
      expect(reaches({ id: 'ada', owner: null }, starter)).toBe(false);
      expect(reaches({ id: 'ada' }, starter)).toBe(true);
      expect(reaches({ id: 'phone', owner: 'ada' }, starter)).toBe(true);
      expect(reaches({ reachesAll: true }, starter)).toBe(true);
    },
  );
});

describe('an Authorization header', () => {
  it('is read up to its tenth part, which no credential has', () => {
    expect(partsOf(' Bearer key, other ')).toEqual(['Bearer', 'key', 'other']);
    expect(partsOf('a,'.repeat(8_000))).toHaveLength(10);
  });
});
