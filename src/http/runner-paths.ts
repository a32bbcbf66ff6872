import { Inject, Injectable } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { RUNNER_REF, type RunnerRef } from '../runner-ref.js';

/** Base path of a runner in its application. */
@Injectable()
export class RunnerPaths {
  private prefix: string | undefined;
  private base = '';

  constructor(
    @Inject(RUNNER_REF) private readonly runner: RunnerRef,
    private readonly config: ApplicationConfig,
  ) {}

  /**
   * Global prefix of the host plus the `path` option, such as `/api/voice`; empty without either. WebSockets are below it, and the HTTP routes that
   * the host does not exclude from its prefix. Final once the application is being initialised.
   */
  get basePath(): string {
    const prefix = this.config.getGlobalPrefix() ?? '';
    if (prefix !== this.prefix) {
      this.prefix = prefix;
      this.base = joinPaths(prefix, this.runner.path);
    }
    return this.base;
  }

  /** True if the runner has a `path` of its own. */
  get hasOwnPath(): boolean {
    return this.runner.path !== '';
  }
}

/** Joins path parts with single slashes: a leading one, no trailing one; '' for none. */
export function joinPaths(...parts: string[]): string {
  return parts
    .flatMap((part) => part.split('/'))
    .filter(Boolean)
    .map((segment) => `/${segment}`)
    .join('');
}
