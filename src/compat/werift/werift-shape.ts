/**
 * Checks that werift has the methods that a guard replaces: with another version than the one it was written for, it must not be
 * without effect.
 *
 * @param name what the object is, for the message
 * @throws {Error} when one is missing
 */
export function expectMethods(name: string, object: object, methods: readonly string[]): void {
  for (const method of methods) {
    if (typeof (object as Record<string, unknown>)[method] === 'function') continue;
    throw new Error(
      `werift's ${name} has no method ${method}: this version of werift cannot be used.`,
    );
  }
}
