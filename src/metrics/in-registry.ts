import type * as promClient from 'prom-client';

/**
 * Returns the metrics that a registry has, once for all runners that share it.
 * @param known those of each registry
 * @param name name of one of them: the host may have cleared its registry
 * @param make registers them
 */
export function inRegistry<T extends object>(
  known: WeakMap<promClient.Registry, T>,
  registry: promClient.Registry,
  name: string,
  make: () => T,
): T {
  const before = known.get(registry);
  if (before && registry.getSingleMetric(name)) return before;
  const made = make();
  known.set(registry, made);
  return made;
}
