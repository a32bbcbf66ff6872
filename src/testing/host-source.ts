import type {
  DynamicModule,
  INestApplication,
  LogLevel,
  NestApplicationOptions,
  Type,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { neededPackage, optionalPackage } from '../packages.js';

/** Subset of `TestingModule` of `@nestjs/testing`. */
export interface TestingModuleLike {
  createNestApplication(
    adapter: AbstractHttpAdapter,
    options?: NestApplicationOptions,
  ): INestApplication;
}

/** Subset of `TestingModuleBuilder` of `@nestjs/testing`. */
export interface TestingModuleBuilderLike {
  compile(): Promise<TestingModuleLike>;
}

/** Source of an application for `startHost`: a module, a testing module or builder with overrides, or the application itself. */
export type HostSource =
  Type<unknown> | DynamicModule | TestingModuleBuilderLike | TestingModuleLike | INestApplication;

/** Options of creating an application. */
interface HostApplicationOptions {
  readonly adapter: AbstractHttpAdapter | undefined;
  readonly logger: LogLevel[] | false;
}

export const isApplication = (source: HostSource): source is INestApplication =>
  'getHttpServer' in source && 'listen' in source;

/** Creates the application of a source, without initializing it. */
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

/** Returns the Fastify adapter if it is installed, otherwise Express. */
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
