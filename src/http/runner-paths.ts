import { Inject, Injectable } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { joinPaths, runnerRoutes } from './runner-routes.js';

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
    return (this.base ??= joinPaths(this.config.getGlobalPrefix() ?? '', this.path));
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
    for (const { path } of runnerRoutes(this.modules)) {
      const full = joinPaths(this.basePath, path) || '/';
      const wildcard = full.search(/[:*]/);
      if (wildcard === -1) exact.add(full);
      else below.push(full.slice(0, wildcard));
    }
    return { exact, below };
  }
}
