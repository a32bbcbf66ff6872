import type { AbstractHttpAdapter } from '@nestjs/core';

type Register = (...args: unknown[]) => unknown;

/**
 * Watches the registration of `@All()` routes. Nest 11.2's Fastify adapter wraps their handlers and passes no route configuration, so Fastify cannot
 * identify them.
 * @returns a function that returns the handler of the route being registered, if any
 */
export function watchAllRoutes(
  adapter: Pick<AbstractHttpAdapter, 'all'>,
): () => object | undefined {
  let handler: unknown;
  const all = adapter.all.bind(adapter) as Register;
  const watched: Register = (...args) => {
    handler = args.at(-1);
    try {
      return all(...args);
    } finally {
      handler = undefined;
    }
  };
  Object.assign(adapter, { all: watched });
  return () => (typeof handler === 'function' ? handler : undefined);
}
