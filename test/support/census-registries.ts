declare global {
  /** Registries of sessions that the tests of an e2e file have used; see `census-environment.js`. */
  var censusRegistries: Set<object> | undefined;
}

const registries = globalThis.censusRegistries;
if (registries) {
  const { FleetSessionRegistry } = await import('../../src/sessions/fleet-session-registry.js');
  const { prototype } = FleetSessionRegistry;
  for (const name of ['open', 'start'] as const) {
    const original = Reflect.get(prototype, name) as (...args: unknown[]) => unknown;
    Object.defineProperty(prototype, name, {
      value(this: object, ...args: unknown[]) {
        registries.add(this);
        return original.apply(this, args);
      },
    });
  }
}
