import { type Abstract, Inject, Injectable, type InjectionToken, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { RunnerHealth } from '../health/runner-health.js';
import { PublicUrls } from '../http/public-url.js';
import { RunnerPaths } from '../http/runner-paths.js';
import { RUNNER_REF, type RunnerRef } from '../runner-ref.js';
import { RunnerDrain } from '../sessions/runner-drain.js';
import { RunnerReadiness } from '../sessions/runner-readiness.js';
import { SessionRegistry } from '../sessions/session-registry.js';
import { TransportRegistry } from '../transports/transport-registry.js';

/**
 * A runner, for the host application. Inject one without a name by this class, one with a name by {@link InjectRunner}.
 *
 * @example
 * ```ts
 * constructor(@InjectRunner('sales') private readonly sales: Runner) {}
 * ```
 */
@Injectable()
export class Runner {
  constructor(
    @Inject(RUNNER_REF) private readonly ref: RunnerRef,
    private readonly paths: RunnerPaths,
    /** Session registry: pending and running sessions. */
    readonly sessions: SessionRegistry,
    /** Graceful shutdown (drain). */
    readonly drain: RunnerDrain,
    /** Admission state: accepts or refuses new sessions. */
    readonly readiness: RunnerReadiness,
    /** Checks of `GET /readyz`; the host can add its own. */
    readonly health: RunnerHealth,
    /** The transports, by the names that `POST /start` takes. */
    readonly transports: TransportRegistry,
    /** Public URLs of the runner. */
    readonly publicUrls: PublicUrls,
    private readonly container: ModulesContainer,
  ) {}

  /** The `name` option; `undefined` for none. */
  get name(): string | undefined {
    return this.ref.name;
  }

  /**
   * Base path of its routes: the application's global prefix and the `path` option, such as `/api/voice`; '' for neither. The prefix
   * is known from the application's initialization on.
   */
  get path(): string {
    return this.paths.basePath;
  }

  /**
   * Returns a provider of this runner by its exported class, such as `SessionStarter` or `OutboundCalls`. Providers of a runner
   * without a name can be injected under their classes as well.
   * @throws {Error} when the runner has no such provider
   */
  get<T>(token: Type<T> | Abstract<T>): T {
    for (const { metatype, providers } of this.container.values()) {
      if (!this.ref.modules.has(metatype)) continue;
      const instance: unknown = providers.get(token)?.instance;
      if (instance) return instance as T;
    }
    throw new Error(
      `The runner${this.name === undefined ? '' : ` '${this.name}'`} has no ${token.name}: is the module that provides it among its transports and features?`,
    );
  }
}

/**
 * Returns the DI token of a {@link Runner}.
 * @param name the `name` option of its `RunnerModule`; without one the token is the class itself
 */
export const getRunnerToken = (name?: string): InjectionToken<Runner> =>
  name === undefined ? Runner : `PipecatRunner_${name}`;

/** Injects the {@link Runner} with a name. */
export const InjectRunner = (name?: string): PropertyDecorator & ParameterDecorator =>
  Inject(getRunnerToken(name));
