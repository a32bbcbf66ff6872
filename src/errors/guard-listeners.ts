import { attempt } from './attempt.js';

/** What is used of an `EventTarget`; a WebSocket of `ws` has these two methods only. */
type ListenerTarget = Record<
  'addEventListener' | 'removeEventListener',
  (type: string, listener: unknown, options: unknown) => void
>;
type Guarded = (this: unknown, event: unknown) => void;

/**
 * Has `onFailure` be told of listeners that throw or reject. Node ends the process for those of an `AbortSignal`, and of a WebSocket's `ws`
 * drops their promises.
 *
 * @param target changed in place: listeners that are added from now on are guarded
 */
export function guardListeners(target: object, onFailure: (thrown: unknown) => void): void {
  // One for each listener, so that it is still added once, and can be removed.
  const guarded = new WeakMap<object, Guarded>();
  const guard = (listener: unknown): unknown => {
    if (typeof listener !== 'function' && (typeof listener !== 'object' || listener === null)) {
      return listener;
    }
    let guardOf = guarded.get(listener);
    if (!guardOf) {
      guardOf = function (event) {
        attempt(
          () =>
            typeof listener === 'function'
              ? (Reflect.apply(listener, this, [event]) as unknown)
              : (listener as { handleEvent(event: unknown): unknown }).handleEvent(event),
          onFailure,
        );
      };
      guarded.set(listener, guardOf);
    }
    return guardOf;
  };
  for (const method of ['addEventListener', 'removeEventListener'] as const) {
    const original = (target as ListenerTarget)[method].bind(target);
    const value = (type: string, listener: unknown, options?: unknown): void =>
      original(type, guard(listener), options);
    Object.defineProperty(target, method, { configurable: true, writable: true, value });
  }
}
