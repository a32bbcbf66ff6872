import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { validateSync } from 'class-validator';
import { IceCandidate } from '../transports/small-webrtc/dto/ice-candidates.dto.js';
import { WebRtcOffer } from '../transports/small-webrtc/dto/webrtc-offer.dto.js';
import { StartRequest } from '../start/dto/start-request.dto.js';
import { DailyMeetingTokenProperties } from '../transports/daily/dto/daily-meeting-token-properties.dto.js';
import { DailyRoomProperties } from '../transports/daily/dto/daily-room-properties.dto.js';
import { fieldsOf, validateInto } from './validate-into.js';
import { isSurelyValid } from './is-surely-valid.js';

const CLASSES: readonly (new () => object)[] = [
  StartRequest,
  DailyRoomProperties,
  DailyMeetingTokenProperties,
  WebRtcOffer,
  IceCandidate,
];

const isValid = (instance: object): boolean =>
  validateSync(instance, { forbidUnknownValues: false }).length === 0;

const plain = fc.oneof(
  fc.anything({
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true,
    withBigInt: true,
  }),
  fc.constantFrom<unknown>('', 'x', '1', 0, -0, 1, 1e12, NaN, Infinity, true, null, [], {}, [{}]),
);

/** Values that are not what they look like. */
const adversarial: fc.Arbitrary<unknown> = fc.oneof(
  plain,
  plain.map((inner) => new Proxy({}, { get: () => inner, ownKeys: () => ['a'], has: () => true })),
  plain.map((inner): object => Object.create({ inherited: inner }) as object),
  plain.map((inner) => ({ [Symbol('own')]: inner, [Symbol.toStringTag]: 'String' })),
  plain.map((inner) => ({ toJSON: () => inner, valueOf: () => inner, toString: () => 'x' })),
  plain.map((inner) => Object.assign([], { 3: inner, length: 9 })),
  plain.map((inner) => Object.defineProperty([], '1', { get: () => inner, enumerable: true })),
  fc.constantFrom<unknown>(
    () => 'x',
    class A {},
    Symbol('x'),
    new String('x'),
    Object.setPrototypeOf(['x'], null),
    new Proxy(['x'], {}),
    Promise.resolve(true),
    new (class extends Array<string> {})(),
  ),
);

/** An instance of a class, and values for some of its fields, own or inherited, known or not. */
const assigned = fc
  .constantFrom(...CLASSES)
  .chain((cls) =>
    fc.tuple(
      fc.constant(cls),
      fc.dictionary(
        fc.constantFrom(...fieldsOf(cls).keys(), 'unknown', 'constructor', '__proto__', 'toString'),
        adversarial,
        { maxKeys: 5, noNullPrototype: false },
      ),
    ),
  );

/** Returns true when a call does; false where it throws, as from a revoked proxy. */
const returnsTrue = (call: () => boolean): boolean => {
  try {
    return call();
  } catch {
    return false;
  }
};

describe('isSurelyValid', () => {
  it('accepts nothing that class-validator refuses, whatever the values are', () => {
    let accepted = 0;
    fc.assert(
      fc.property(assigned, ([cls, values]) => {
        const instance = new cls();
        for (const [name, value] of Object.entries(values)) {
          // By the constructor both would look for the rules of another class.
          if (name !== 'constructor') Reflect.set(instance, name, value);
        }
        if (!returnsTrue(() => isSurelyValid(instance))) return;
        accepted++;
        expect(isValid(instance)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it('validates what validateInto returns, though a getter has another value each time it is read', () => {
    fc.assert(
      fc.property(assigned, fc.array(adversarial, { minLength: 2 }), ([cls, values], others) => {
        let reads = 0;
        const changing = Object.defineProperties(
          {},
          Object.fromEntries(
            Object.entries(values).map(([name, value]) => {
              const get = (): unknown => [value, ...others][reads++ % (others.length + 1)];
              return [name, { get, enumerable: true }];
            }),
          ),
        );
        let instance: object;
        try {
          instance = validateInto(cls, changing);
        } catch {
          return;
        }
        expect(instance).toBeInstanceOf(cls);
        expect(isValid(instance)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
