import { PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';

/** The name of what a wildcard stands for. */
const NAME = 'path';

/**
 * Names the wildcards at the end of routes, as the router of Express wants them: `*` becomes `*path`. Fastify's refuses a name, and so does
 * whoever takes routes without an application being constructed, as in preview mode.
 *
 * @param isOwn tells the handlers whose routes these are
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
