declare global {
  /** Registries of sessions that the tests of an e2e file have used; see `census-environment.js`. */
  var censusRegistries: Set<object> | undefined;
}

const registries = globalThis.censusRegistries;
if (registries) {
  const { LocalSessionRegistry } = await import('../../src/sessions/local-session-registry.js');
  const { open, start } = LocalSessionRegistry.prototype;
  LocalSessionRegistry.prototype.open = function (...args) {
    registries.add(this);
    return open.apply(this, args);
  };
  LocalSessionRegistry.prototype.start = function (...args) {
    registries.add(this);
    return start.apply(this, args) as never;
  };
}
