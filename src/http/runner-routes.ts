import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, type ModulesContainer } from '@nestjs/core';
import { RUNNER_CONTROLLER } from './runner-controller.decorator.js';

/** A route of a controller of the runner's. */
export interface RunnerRoute {
  readonly method: RequestMethod;
  /** Below the runner's base path, such as `/sessions/:id`; '' for the base path itself. */
  readonly path: string;
  readonly handler: object;
  readonly controller: object;
}

/** All routes of the runner in an application. */
export function* runnerRoutes(modules: ModulesContainer): Generator<RunnerRoute> {
  const scanner = new MetadataScanner();
  for (const module of modules.values()) {
    for (const { metatype } of module.controllers.values()) {
      if (typeof metatype !== 'function' || !Reflect.getMetadata(RUNNER_CONTROLLER, metatype)) {
        continue;
      }
      const prototype = metatype.prototype as Record<string, object>;
      const controllerPath = Reflect.getMetadata(PATH_METADATA, metatype) as string;
      for (const name of scanner.getAllMethodNames(prototype)) {
        const handler = prototype[name] as object;
        const paths: unknown = Reflect.getMetadata(PATH_METADATA, handler);
        const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod;
        if (paths === undefined || RequestMethod[method] === undefined) continue;
        for (const path of [paths].flat() as string[]) {
          yield { method, path: joinPaths(controllerPath, path), handler, controller: metatype };
        }
      }
    }
  }
}

/** Joins path parts with single slashes: a leading one, no trailing one; '' when there is nothing to join. */
export function joinPaths(...parts: string[]): string {
  return parts
    .flatMap((part) => part.split('/'))
    .filter(Boolean)
    .map((segment) => `/${segment}`)
    .join('');
}
