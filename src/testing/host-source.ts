import type {
  DynamicModule,
  INestApplication,
  LogLevel,
  NestApplicationOptions,
  Type,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { neededPackage, optionalPackage } from '../packages/optional-package.js';

/** A `TestingModule` of `@nestjs/testing`, as far as it is needed. */
export interface TestingModuleLike {
  createNestApplication(
    adapter: AbstractHttpAdapter,
    options?: NestApplicationOptions,
  ): INestApplication;
}

/** A `TestingModuleBuilder` of `@nestjs/testing`, as far as it is needed. */
export interface TestingModuleBuilderLike {
  compile(): Promise<TestingModuleLike>;
}

/** The source of an application for `startHost`: a module, one of `@nestjs/testing` with its overrides, or the application itself. */
export type HostSource =
  Type<unknown> | DynamicModule | TestingModuleBuilderLike | TestingModuleLike | INestApplication;

/** The way an application is made that is not there yet. */
export interface HostApplicationOptions {
  readonly adapter: AbstractHttpAdapter | undefined;
  readonly logger: LogLevel[] | false;
}

export const isApplication = (source: HostSource): source is INestApplication =>
  'getHttpServer' in source && 'listen' in source;

/** The application of a source, which need not be initialised yet. */
export async function applicationOf(
  source: Exclude<HostSource, INestApplication>,
  { adapter, logger }: HostApplicationOptions,
): Promise<INestApplication> {
  const http = adapter ?? (await installedAdapter());
  if ('compile' in source) {
    return (await source.compile()).createNestApplication(http, { logger });
  }
  if ('createNestApplication' in source) return source.createNestApplication(http, { logger });
  return NestFactory.create(source, http, { logger, abortOnError: false });
}

/** Fastify where it is installed, or else Express. */
async function installedAdapter(): Promise<AbstractHttpAdapter> {
  const fastify = await optionalPackage(
    '@nestjs/platform-fastify',
    () => import('@nestjs/platform-fastify'),
  );
  if (fastify) return new fastify.FastifyAdapter();
  const { ExpressAdapter } = await neededPackage(
    '@nestjs/platform-express',
    'startHost()',
    () => import('@nestjs/platform-express'),
  );
  return new ExpressAdapter();
}
