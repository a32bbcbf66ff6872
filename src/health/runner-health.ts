import { Injectable } from '@nestjs/common';
import { BotLauncher, MissingBotLauncher } from '../bot/bot-launcher.js';
import { RunnerError } from '../errors/runner.error.js';
import { within } from '../errors/attempt.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { isInstance, textOfThrown } from '../errors/thrown.js';
import { RunnerReadiness } from '../sessions/runner-readiness.js';
import { TransportRegistry } from '../transports/transport-registry.js';

/** Readiness check. Throws or rejects when the runner should get no new sessions. */
export type ReadinessCheck = () => unknown;

/** Time-out of a check, in milliseconds: below the 1,000 ms of a Kubernetes probe. */
const CHECK_TIMEOUT_MS = 800;

/**
 * Readiness of the runner: a bot is configured, a transport is enabled, the runner is neither overloaded nor shutting down, and can work with the others of
 * its fleet. The host can add checks of its own dependencies.
 */
@Injectable()
export class RunnerHealth {
  private readonly logger = new RunnerLogger('PipecatRunner');
  private readonly checks = new Map<string, ReadinessCheck>();
  /** Last failing checks, because only changes are logged. */
  private lastFailing = '';

  constructor(launcher: BotLauncher, transports: TransportRegistry, readiness: RunnerReadiness) {
    this.addCheck('bot', () => MissingBotLauncher.refuse(launcher));
    this.addCheck('transports', () => transports.refuseIfNone());
    this.addCheck('sessions', () => readiness.refuseUnlessReady());
  }

  /** Adds a check, or replaces the one with the same name. */
  addCheck(name: string, check: ReadinessCheck): void {
    this.checks.set(name, check);
  }

  /** Runs all checks. @returns the failing ones */
  async failing(): Promise<FailingCheck[]> {
    const results = await Promise.all([...this.checks].map((check) => this.run(...check)));
    const failing = results.filter((result) => result !== undefined);
    const names = failing.map(({ name }) => name).join(', ');
    if (names !== this.lastFailing) {
      this.logger.log(names ? `not ready for new sessions: ${names}` : 'ready for new sessions');
      this.lastFailing = names;
    }
    return failing;
  }

  /** Health indicator for `@nestjs/terminus`: `health.check([() => runnerHealth.isHealthy()])`. */
  async isHealthy<K extends string = 'runner'>(
    key = 'runner' as K,
  ): Promise<Record<K, { status: 'up' | 'down'; failing?: string[] }>> {
    const failing = (await this.failing()).map(({ name }) => name);
    const result = failing.length === 0 ? { status: 'up' } : { status: 'down', failing };
    return { [key]: result } as Awaited<ReturnType<typeof this.isHealthy<K>>>;
  }

  private async run(name: string, check: ReadinessCheck): Promise<FailingCheck | undefined> {
    const late = (): Error => new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`);
    try {
      await within(CHECK_TIMEOUT_MS, (async () => check())(), late);
      return undefined;
    } catch (thrown) {
      const { text, message } = textOfThrown(thrown);
      if (isInstance(thrown, RunnerError)) return { name, reason: message };
      // Texts of foreign errors may hold secrets, so clients do not get them.
      this.logger.debug(`readiness check '${name}': ${text}`);
      return { name };
    }
  }
}

/** A failing readiness check. */
export interface FailingCheck {
  readonly name: string;
  /** Reason, if it is safe for clients. */
  readonly reason?: string;
}

/** Error of the readiness probe. */
export class UnhealthyError extends RunnerError {
  override readonly name = 'UnhealthyError';

  constructor(private readonly failing: readonly FailingCheck[]) {
    super(
      'UNHEALTHY',
      failing.map(({ name, reason }) => `${name}: ${reason ?? 'the check failed'}`).join(' '),
    );
  }

  override get details(): Record<string, unknown> {
    return { failing: this.failing.map(({ name }) => name) };
  }
}
