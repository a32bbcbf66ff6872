import { Exclude } from 'class-transformer';

const LIVE_FIELD = Symbol('LIVE_FIELD');

/** Marks a field as a handle into this process: it is excluded from JSON, and its class cannot be sent to another process. */
export function LiveField(): PropertyDecorator {
  return (target, key) => {
    Exclude({ toPlainOnly: true })(target, key);
    Reflect.defineMetadata(LIVE_FIELD, key, target);
  };
}

/** Returns the live field of a class, if any. */
export const liveFieldOf = (cls: { prototype: object }): string | undefined =>
  Reflect.getMetadata(LIVE_FIELD, cls.prototype) as string | undefined;

/** Sets a live field as non-enumerable, so that JSON, spread and logs omit it. */
export function setLiveField(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    writable: true,
    configurable: true,
    enumerable: false,
  });
}
