import { Type } from 'class-transformer';
import { IsObject, ValidateNested } from 'class-validator';
import { applyDecorators } from './apply-decorators.js';

/** A class that a plain object can be made into. */
export type PlainClass<T extends object = object> = new () => T;

const NESTED = Symbol('NESTED');
const KEEPS_NULL = Symbol('KEEPS_NULL');
const KEEPS_UNKNOWN = Symbol('KEEPS_UNKNOWN');

/** A field that is an object of another class; a list in its place is refused. */
export function Nested(type: () => PlainClass): PropertyDecorator {
  return applyDecorators(
    // A guard of its own: class-validator would validate the members of a list instead.
    IsObject({ message: '$property must be an object' }),
    ValidateNested({ message: '$property must be an object' }),
    Type(type),
    recordNested(type),
  );
}

const recordNested =
  (type: () => PlainClass): PropertyDecorator =>
  (target, key) =>
    Reflect.defineMetadata(NESTED, type, target, key);

/** A field whose `null` has a meaning of its own; everywhere else `null` is the same as absent. */
export const KeepsNull = (): PropertyDecorator => (target, key) =>
  Reflect.defineMetadata(KEEPS_NULL, true, target, key);

/** A class that keeps the keys it does not know, but for those of `Object.prototype`; elsewhere they are dropped. */
export const KeepsUnknownKeys = (): ClassDecorator => (target) =>
  Reflect.defineMetadata(KEEPS_UNKNOWN, true, target);

export const nestedClassOf = (cls: PlainClass, field: string): PlainClass | undefined =>
  (
    Reflect.getMetadata(NESTED, cls.prototype as object, field) as (() => PlainClass) | undefined
  )?.();

export const keepsNull = (cls: PlainClass, field: string): boolean =>
  Reflect.getMetadata(KEEPS_NULL, cls.prototype as object, field) === true;

export const keepsUnknownKeys = (cls: PlainClass): boolean =>
  Reflect.getMetadata(KEEPS_UNKNOWN, cls) === true;
