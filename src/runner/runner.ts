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
 * A runner, as the rest of an application deals with it. One without a name is injected by this class, one with a name by
 * {@link InjectRunner}.
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
    /** The sessions, waiting and running. */
    readonly sessions: SessionRegistry,
    /** Lets the sessions come to their end. */
    readonly drain: RunnerDrain,
    /** Whether new sessions are taken. */
    readonly readiness: RunnerReadiness,
    /** What `GET /readyz` looks at; takes checks of the host's. */
    readonly health: RunnerHealth,
    /** The transports, by the names that `POST /start` takes. */
    readonly transports: TransportRegistry,
    /** Where the outside world reaches the runner. */
    readonly publicUrls: PublicUrls,
    private readonly container: ModulesContainer,
  ) {}

  /** The `name` option; `undefined` for none. */
  get name(): string | undefined {
    return this.ref.name;
  }

  /**
   * Where its routes are: the application's global prefix and the `path` option, such as `/api/voice`; '' for neither. The prefix is there once
   * the application is being initialised.
   */
  get path(): string {
    return this.paths.basePath;
  }

  /**
   * What this runner has under an exported class, such as `SessionStarter`, or `OutboundCalls` of its `TelephonyModule`. A runner without a
   * name has them injected under their classes as well.
   * @throws {Error} when it has nothing of that class
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
 * The DI token of a {@link Runner}.
 * @param name the `name` option of its `RunnerModule`; without one it is the class itself
 */
export const getRunnerToken = (name?: string): InjectionToken<Runner> =>
  name === undefined ? Runner : `PipecatRunner_${name}`;

/** Injects the {@link Runner} of a name. */
export const InjectRunner = (name?: string): PropertyDecorator & ParameterDecorator =>
  Inject(getRunnerToken(name));
