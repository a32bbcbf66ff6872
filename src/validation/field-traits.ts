import { Type } from 'class-transformer';
import { IsObject, ValidateNested } from 'class-validator';
import { applyDecorators } from './apply-decorators.js';

/** Class of a plain object. */
export type PlainClass<T extends object = object> = new () => T;

const NESTED = Symbol('NESTED');
const KEEPS_NULL = Symbol('KEEPS_NULL');
const KEEPS_UNKNOWN = Symbol('KEEPS_UNKNOWN');

/** Field with an object of another class; a list is refused. */
export function Nested(type: () => PlainClass): PropertyDecorator {
  return applyDecorators(
    // Checked separately, since class-validator would validate the items of a list instead.
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

/** Field in which `null` differs from absent; elsewhere they are the same. */
export const KeepsNull = (): PropertyDecorator => (target, key) =>
  Reflect.defineMetadata(KEEPS_NULL, true, target, key);

/** Class that keeps unknown keys, except those of `Object.prototype`; elsewhere they are dropped. */
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
