import { attempt } from './attempt.js';

/** The methods of an `EventTarget` that a WebSocket of `ws` has too. */
type ListenerTarget = Record<
  'addEventListener' | 'removeEventListener',
  (type: string, listener: unknown, options: unknown) => void
>;
type Guarded = (this: unknown, event: unknown) => void;

/**
 * Reports errors and rejections of listeners to `onFailure`. Without it they end the process on an `AbortSignal`, and `ws` ignores
 * rejections.
 *
 * @param target patched in place; listeners added from now on are guarded
 */
export function guardListeners(target: object, onFailure: (thrown: unknown) => void): void {
  // One wrapper for each listener, so that it is added only once and can be removed.
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
