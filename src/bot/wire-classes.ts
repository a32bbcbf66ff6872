import type { PlainClass } from '../validation/field-traits.js';
import { Exclude } from 'class-transformer';

/** Classes that can be restored from JSON, by their name there. */
const classes = new Map<string, PlainClass>();
const names = new WeakMap<object, string>();

/**
 * Registers a class of runner arguments, or of call data, under its name in JSON, so that a bot in a process of its own gets an instance of it.
 * @throws {Error} for a name that another class has
 */
export function WireClass(name: string): ClassDecorator {
  return (cls) => {
    if (classes.has(name)) throw new Error(`@WireClass('${name}') has another class already.`);
    classes.set(name, cls as unknown as PlainClass);
    names.set(cls, name);
  };
}

export const wireClassNamed = (name: unknown): PlainClass | undefined =>
  typeof name === 'string' ? classes.get(name) : undefined;

/** Returns the name of an object's class, or of its nearest registered ancestor for a host's subclass. */
export function wireNameOf(instance: object): string {
  for (let cls: unknown = instance.constructor; cls; cls = Object.getPrototypeOf(cls)) {
    const name = names.get(cls);
    if (name !== undefined) return name;
  }
  throw new TypeError(`${instance.constructor.name} is not registered with @WireClass`);
}

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
