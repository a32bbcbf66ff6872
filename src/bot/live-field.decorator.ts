import { Exclude } from 'class-transformer';

const LIVE_FIELD = Symbol('LIVE_FIELD');

/** A field that is a handle into this process: it never becomes JSON, and its class cannot go to another process. */
export function LiveField(): PropertyDecorator {
  return (target, key) => {
    Exclude({ toPlainOnly: true })(target, key);
    Reflect.defineMetadata(LIVE_FIELD, key, target);
  };
}

/** The live field of a class, if it has one. */
export const liveFieldOf = (cls: { prototype: object }): string | undefined =>
  Reflect.getMetadata(LIVE_FIELD, cls.prototype) as string | undefined;

/** Sets a live field so that neither JSON, nor a spread, nor a log of the object shows it. */
export function setLiveField(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    writable: true,
    configurable: true,
    enumerable: false,
  });
}
