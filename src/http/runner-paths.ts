import { Inject, Injectable } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { RUNNER_REF, type RunnerRef } from '../runner-ref.js';

/** Where a runner is in its application. */
@Injectable()
export class RunnerPaths {
  private prefix: string | undefined;
  private base = '';

  constructor(
    @Inject(RUNNER_REF) private readonly runner: RunnerRef,
    private readonly config: ApplicationConfig,
  ) {}

  /**
   * The host's global prefix and the `path` option, such as `/api/voice`; empty when there is neither. WebSockets are below it. So are
   * the HTTP routes, but for those that the host excludes from its prefix.
   * It is final once the application is being initialised.
   */
  get basePath(): string {
    const prefix = this.config.getGlobalPrefix() ?? '';
    if (prefix !== this.prefix) {
      this.prefix = prefix;
      this.base = joinPaths(prefix, this.runner.path);
    }
    return this.base;
  }

  /** True if the runner has a `path`, below which nothing else is expected. */
  get hasOwnPath(): boolean {
    return this.runner.path !== '';
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
