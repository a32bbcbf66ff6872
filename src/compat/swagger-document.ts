import type { Type } from '@nestjs/common';
import type { AbstractHttpAdapter, ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { withExcluded } from './swagger-metadata.js';

/** Used subset of `@nestjs/swagger`, an optional peer dependency. */
export interface Swagger {
  readonly SwaggerModule: { createDocument(app: never, config: never, options?: object): object };
}

/** Part of an application that `@nestjs/swagger` reads. Nest does not inject the application itself. */
export interface DescribedApplication {
  readonly modules: ModulesContainer;
  readonly config: ApplicationConfig;
  readonly httpAdapter: AbstractHttpAdapter;
}

/**
 * Creates the document of some modules of an application, including excluded handlers.
 * @param base document without its routes
 * @param options options of `SwaggerModule.createDocument()`
 */
export function documentOf<T extends object>(
  { SwaggerModule }: Swagger,
  { modules, config, httpAdapter }: DescribedApplication,
  isIncluded: (module: Type<unknown>) => boolean,
  base: object,
  options: object,
): T {
  const included = [...modules].filter(([, { metatype }]) => isIncluded(metatype));
  const { applicationId } = modules;
  const container = { getModules: () => Object.assign(new Map(included), { applicationId }) };
  const app = { container, config, getHttpAdapter: () => httpAdapter };
  return withExcluded(() =>
    SwaggerModule.createDocument(app as never, base as never, options),
  ) as T;
}
