import type { AbstractHttpAdapter } from '@nestjs/core';

type Register = (...args: unknown[]) => unknown;

/**
 * Watches an adapter register `@All()` routes. The Fastify adapter of Nest 11.2 wraps their handlers, and gives the route no configuration, so that nothing
 * in Fastify tells whose they are.
 * @returns the handler whose route is being registered, if one is
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
