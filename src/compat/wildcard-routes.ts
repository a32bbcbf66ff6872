import { PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';

/** Parameter name of wildcards. */
const NAME = 'path';

/**
 * Names the trailing wildcards of routes, as Express' router requires: `*` becomes `*path`. Fastify's router refuses a name, and so does a consumer of
 * routes without an application, as in preview mode.
 *
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
