import { Injectable, Inject, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { SessionRegistry } from './session-registry.js';
import { attempt } from '../errors/attempt.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { textOfThrown } from '../errors/thrown.js';
import { RunnerServing } from '../http/runner-serving.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';

/** Readiness of this instance for new sessions, for readiness probes and load balancers. */
@Injectable()
export class RunnerReadiness {
  constructor(private readonly sessions: SessionRegistry) {}

  /** Readiness status. `draining` is final, `overloaded` (by `loadFunction`) is temporary. */
  get status(): 'ready' | 'overloaded' | 'draining' {
    if (this.sessions.isDraining) return 'draining';
    return this.sessions.isOverloaded ? 'overloaded' : 'ready';
  }

  /**
   * True if new clients may be routed here. {@link atCapacity} does not count: an instance without traffic could not be reached by the clients of its
   * own sessions.
   */
  get isReady(): boolean {
    return this.status === 'ready';
  }

  /** @throws {RunnerError} `DRAINING` or `OVERLOADED` unless {@link isReady} */
  refuseUnlessReady(): void {
    const refusal = this.isReady ? undefined : this.sessions.refusal();
    if (refusal) throw refusal;
  }

  /** True when `maxSessions` is reached. */
  get atCapacity(): boolean {
    return this.sessions.isFull;
  }
}

/** Admission by load: polls the host's `loadFunction`. At or above `loadThreshold` no new sessions are admitted. */
@Injectable()
export class LoadMonitor implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new RunnerLogger('PipecatRunner');
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private failing = false;

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly sessions: SessionRegistry,
    private readonly serving: RunnerServing,
  ) {}

  onModuleInit(): void {
    if (this.options.loadFunction) this.serving.onServing('loadFunction', () => this.poll());
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private poll(): void {
    attempt(
      () => this.ask(),
      (thrown) => this.logger.error(`loadFunction is asked no more: ${textOfThrown(thrown).text}`),
    );
  }

  private async ask(): Promise<void> {
    try {
      const load = await this.options.loadFunction!();
      if (typeof load !== 'number' || Number.isNaN(load)) throw new Error(`it returned ${load}`);
      this.apply(load >= this.options.loadThreshold);
      this.failing = false;
    } catch (thrown) {
      // The last known load still applies. Logged once, since polling continues.
      if (!this.failing) this.logger.warn(`loadFunction failed: ${textOfThrown(thrown).text}`);
      this.failing = true;
    }
    if (this.stopped) return;
    this.timer = setTimeout(() => this.poll(), this.options.loadIntervalMs).unref();
  }

  private apply(overloaded: boolean): void {
    if (overloaded === this.sessions.isOverloaded) return;
    this.sessions.setOverloaded(overloaded);
    if (overloaded) this.logger.warn('overloaded: no new sessions until the load is lower');
    else this.logger.log('no longer overloaded: new sessions are taken again');
  }
}
