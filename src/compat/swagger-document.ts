import type { Type } from '@nestjs/common';
import type { AbstractHttpAdapter, ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { withExcluded } from './swagger-metadata.js';

/** What is used of `@nestjs/swagger`, an optional peer. */
export interface Swagger {
  readonly SwaggerModule: { createDocument(app: never, config: never, options?: object): object };
}

/** An application as far as `@nestjs/swagger` looks into it. Nest gives the application itself to nothing that it constructs. */
export interface DescribedApplication {
  readonly modules: ModulesContainer;
  readonly config: ApplicationConfig;
  readonly httpAdapter: AbstractHttpAdapter;
}

/**
 * The document of some modules of an application, with the handlers that others exclude.
 * @param base the document without its routes
 * @param options those of `SwaggerModule.createDocument()`
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
