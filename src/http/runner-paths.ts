import { Inject, Injectable } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { STREAMS_BODY } from './runner-controller.decorator.js';
import { joinPaths, runnerRoutes } from './runner-routes.js';

/** DI token of the `path` option of `RunnerModule`. */
export const RUNNER_PATH = Symbol('RUNNER_PATH');

/** Knows which URLs are the runner's. */
@Injectable()
export class RunnerPaths {
  private base: string | undefined;
  private known: KnownRoutes | undefined;

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

  /**
   * Whether a request path (with or without a query) belongs to a controller of the runner, and how that takes the body: `parsed` ahead
   * of it, or as it comes.
   */
  owns(url: string): 'parsed' | 'streamed' | undefined {
    this.known ??= this.collect();
    // Most are one as it is, and need no taking apart.
    if (this.known.exact.has(url)) return 'parsed';
    const end = url.search(/[?#]/);
    const path = (end === -1 ? url : url.slice(0, end)).replace(/(?<=.)\/+$/, '');
    if (this.known.exact.has(path)) return 'parsed';
    if (!this.known.below.some((prefix) => path.startsWith(prefix))) return undefined;
    const matches = (pattern: RegExp) => pattern.test(path);
    return this.known.streamed.some(matches) && !this.known.parsed.some(matches)
      ? 'streamed'
      : 'parsed';
  }

  private collect(): KnownRoutes {
    const exact = new Set<string>();
    const below: string[] = [];
    const parsed: RegExp[] = [];
    const streamed: RegExp[] = [];
    for (const { path, handler } of runnerRoutes(this.modules)) {
      const full = joinPaths(this.basePath, path) || '/';
      const wildcard = full.search(/[:*]/);
      if (wildcard === -1) {
        exact.add(full);
      } else {
        below.push(full.slice(0, wildcard));
        const streams = Reflect.getMetadata(STREAMS_BODY, handler) === true;
        (streams ? streamed : parsed).push(patternOf(full));
      }
    }
    return { exact, below, parsed, streamed };
  }
}

/** What is known of the routes: those without parameters, what those with begin with, and their patterns. */
interface KnownRoutes {
  readonly exact: ReadonlySet<string>;
  readonly below: readonly string[];
  readonly parsed: readonly RegExp[];
  readonly streamed: readonly RegExp[];
}

/** `/sessions/:id/*path` as a regular expression. */
const patternOf = (route: string): RegExp =>
  new RegExp(
    `^${route
      .split('/')
      .map((segment) =>
        segment.startsWith(':')
          ? '[^/]+'
          : segment.startsWith('*')
            ? '.*'
            : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
      )
      .join('/')}$`,
  );
