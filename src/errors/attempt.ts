import { EventEmitter } from 'node:events';

/**
 * Calls foreign code and reports its errors and rejections to `onFailure`. Never throws, even if `onFailure` does, so that no error
 * of foreign code ends the process.
 * @param call called at once; its result is a promise if it has a `then`
 */
export function attempt(call: () => unknown, onFailure: (thrown: unknown) => void): void {
  attemptApply(call, undefined, [], onFailure);
}

/** Same as {@link attempt}, for a function with arguments: it takes no closure, and allocates nothing. */
export function attemptApply(
  call: (...args: never[]) => unknown,
  self: unknown,
  args: readonly unknown[],
  onFailure: (thrown: unknown) => void,
): void {
  try {
    const result: unknown = Reflect.apply(call, self, args);
    if (typeof result !== 'object' || result === null) return;
    // A `then` that throws rejects as well.
    Promise.resolve(result).then(undefined, (thrown: unknown) => report(thrown, onFailure));
  } catch (thrown) {
    report(thrown, onFailure);
  }
}

function report(thrown: unknown, onFailure: (thrown: unknown) => void): void {
  try {
    onFailure(thrown);
  } catch {
    // Errors of the error handler are dropped.
  }
}

/** The methods of an `EventTarget` that a WebSocket of `ws` has too. */
type ListenerTarget = Record<
  'addEventListener' | 'removeEventListener',
  (type: string, listener: unknown, options: unknown) => void
>;
type Guarded = (this: unknown, event: unknown) => void;

/**
 * Reports errors and rejections of listeners to `onFailure`. Without it they end the process on an `AbortSignal`, and `ws` ignores
 * rejections.
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

/**
 * Reports errors and rejections of listeners to `onFailure`, as {@link guardListeners} does. A listener that throws keeps the event from later ones.
 * @param emitter patched in place; listeners added before are guarded too
 */
export function guardEmitter(emitter: EventEmitter, onFailure: (thrown: unknown) => void): void {
  // The constructor takes the option of an emitter that exists, and leaves its listeners.
  Reflect.apply(EventEmitter, emitter, [{ captureRejections: true }]);
  const emit = Reflect.get(emitter, 'emit') as (...args: unknown[]) => boolean;
  const guards = {
    [Symbol.for('nodejs.rejection')]: (thrown: unknown) => report(thrown, onFailure),
    emit(...args: unknown[]): boolean {
      try {
        return Reflect.apply(emit, emitter, args);
      } catch (thrown) {
        report(thrown, onFailure);
        return true;
      }
    },
  };
  for (const key of Reflect.ownKeys(guards)) {
    const value: unknown = Reflect.get(guards, key);
    Object.defineProperty(emitter, key, { configurable: true, writable: true, value });
  }
}

/**
 * Waits for a promise with a timeout.
 * @param tooLong creates the error of the timeout
 */
export async function within<T>(
  timeoutMs: number,
  work: Promise<T>,
  tooLong: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLong()), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
