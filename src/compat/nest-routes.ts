import { type AbstractHttpAdapter, MetadataScanner, type ModulesContainer } from '@nestjs/core';
import { PATH_METADATA } from '@nestjs/common/constants.js';

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

/** Parameter name of wildcards. */
const NAME = 'path';

/**
 * Names the trailing wildcards of routes, as Express' router requires: `*` becomes `*path`. Fastify's router refuses a name, and so does a consumer of
 * routes without an application, as in preview mode.
 * @param isOwn true for handlers whose routes are renamed
 */
export function nameWildcards(
  modules: ModulesContainer,
  isOwn: (handler: object) => boolean,
): void {
  const scanner = new MetadataScanner();
  for (const { controllers } of modules.values()) {
    for (const { metatype } of controllers.values()) {
      if (typeof metatype !== 'function') continue;
      const prototype = metatype.prototype as Record<string, object>;
      for (const name of scanner.getAllMethodNames(prototype)) {
        const handler = prototype[name]!;
        const path: unknown = Reflect.getMetadata(PATH_METADATA, handler);
        if (typeof path !== 'string' || !path.endsWith('*') || !isOwn(handler)) continue;
        Reflect.defineMetadata(PATH_METADATA, path + NAME, handler);
      }
    }
  }
}
