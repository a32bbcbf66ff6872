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
