/**
 * Checks that werift has the methods that a guard replaces, so that a guard fails with an incompatible version.
 * @param name name of the object, for the message
 * @throws {Error} when a method is missing
 */
export function expectMethods(name: string, object: object, methods: readonly string[]): void {
  for (const method of methods) {
    if (typeof (object as Record<string, unknown>)[method] === 'function') continue;
    throw new Error(
      `werift's ${name} has no method ${method}: this version of werift cannot be used.`,
    );
  }
}

const patches = new WeakMap<object, Set<string>>();

/** True when a class is to be patched: each patch of it is made once, for all runners of the process. @param patch name of the patch */
export function isFirstPatch(prototype: object, patch: string): boolean {
  const made = patches.get(prototype) ?? new Set();
  patches.set(prototype, made);
  if (made.has(patch)) return false;
  made.add(patch);
  return true;
}
