import { Inject, Injectable, RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { ApplicationConfig, MetadataScanner, ModulesContainer } from '@nestjs/core';
import { RUNNER_CONTROLLER } from './runner-controller.decorator.js';

/** DI token of the `path` option of `RunnerModule`. */
export const RUNNER_PATH = Symbol('RUNNER_PATH');

/** Knows which URLs are the runner's. */
@Injectable()
export class RunnerPaths {
  private base: string | undefined;
  private known: { readonly exact: Set<string>; readonly below: readonly string[] } | undefined;

  constructor(
    @Inject(RUNNER_PATH) private readonly path: string,
    private readonly config: ApplicationConfig,
    private readonly modules: ModulesContainer,
  ) {}

  /**
   * The host's global prefix and the `path` option, such as `/api/voice`; empty when there is neither.
   * WebSockets live below it too. Asked for only once the application is being initialised, when the prefix is final.
   */
  get basePath(): string {
    return (this.base ??= join(this.config.getGlobalPrefix() ?? '', this.path));
  }

  /** Whether the runner has a `path`, below which nothing else is expected. */
  get hasOwnPath(): boolean {
    return this.path !== '';
  }

  /** Whether a request path (with or without a query) belongs to a controller of the runner. */
  owns(url: string): boolean {
    this.known ??= this.collect();
    const end = url.search(/[?#]/);
    const path = (end === -1 ? url : url.slice(0, end)).replace(/(?<=.)\/+$/, '');
    if (this.known.exact.has(path)) return true;
    return this.known.below.some((prefix) => path.startsWith(prefix));
  }

  private collect(): { exact: Set<string>; below: string[] } {
    const exact = new Set<string>();
    const below: string[] = [];
    for (const route of this.controllerRoutes()) {
      const full = join(this.basePath, route) || '/';
      const wildcard = full.search(/[:*]/);
      if (wildcard === -1) exact.add(full);
      else below.push(full.slice(0, wildcard));
    }
    return { exact, below };
  }

  private *controllerRoutes(): Generator<string> {
    const scanner = new MetadataScanner();
    for (const module of this.modules.values()) {
      for (const { metatype } of module.controllers.values()) {
        if (typeof metatype !== 'function' || !Reflect.getMetadata(RUNNER_CONTROLLER, metatype)) {
          continue;
        }
        const prototype = metatype.prototype as Record<string, object>;
        const controllerPath = Reflect.getMetadata(PATH_METADATA, metatype) as string;
        for (const name of scanner.getAllMethodNames(prototype)) {
          const handler = prototype[name] as object;
          const path: unknown = Reflect.getMetadata(PATH_METADATA, handler);
          const method: unknown = Reflect.getMetadata(METHOD_METADATA, handler);
          if (path === undefined || RequestMethod[method as RequestMethod] === undefined) continue;
          for (const one of [path].flat() as string[]) yield join(controllerPath, one);
        }
      }
    }
  }
}

/** Joins path parts with single slashes: a leading one, no trailing one; '' when there is nothing to join. */
function join(...parts: string[]): string {
  return parts
    .flatMap((part) => part.split('/'))
    .filter(Boolean)
    .map((segment) => `/${segment}`)
    .join('');
}
