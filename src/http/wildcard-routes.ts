import type { Type } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { type HttpAdapterHost, MetadataScanner } from '@nestjs/core';

const WILDCARD = /\*\w*$/;

/**
 * Makes routes that end in `*` fit the router that the application turns out to have: Express wants a name behind the asterisk,
 * Fastify refuses one. In preview mode, where nothing is constructed and so nothing is fitted, both take it as it is.
 *
 * @param controller one made for this application alone
 */
export function fitWildcardRoutes(controller: Type<unknown>, adapterHost: HttpAdapterHost): void {
  const prototype = controller.prototype as Record<string, object>;
  adapterHost.init$.subscribe(() => {
    if (!adapterHost.httpAdapter) return;
    // Back again, too: tests make several applications of one module.
    const wildcard = adapterHost.httpAdapter.getType() === 'fastify' ? '*' : '*path';
    for (const name of new MetadataScanner().getAllMethodNames(prototype)) {
      const handler = prototype[name]!;
      const path: unknown = Reflect.getMetadata(PATH_METADATA, handler);
      if (typeof path !== 'string' || !WILDCARD.test(path)) continue;
      Reflect.defineMetadata(PATH_METADATA, path.replace(WILDCARD, wildcard), handler);
    }
  });
}
