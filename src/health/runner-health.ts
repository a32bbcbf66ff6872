import { Injectable } from '@nestjs/common';
import { BotLauncher } from '../bot/bot-launcher.js';
import { MissingBotLauncher } from '../bot/missing-bot-launcher.js';
import { RunnerError } from '../errors/runner.error.js';
import { within } from '../errors/within.js';
import { RunnerLogger } from '../errors/runner-logger.js';
import { isInstance, textOfThrown } from '../errors/thrown.js';
import { RunnerReadiness } from '../sessions/runner-readiness.js';
import { TransportRegistry } from '../transports/transport-registry.js';
import type { FailingCheck } from './unhealthy.error.js';

/** Throws or rejects when the runner should get no new sessions. */
export type ReadinessCheck = () => unknown;

/** How long a check may take, in milliseconds: less than the second that Kubernetes gives a probe. */
const CHECK_TIMEOUT_MS = 800;

/**
 * Whether new sessions should be sent here: a bot is configured, a transport enabled, and the runner neither overloaded nor shutting down. A host adds what else its bots need.
 *
 * @example
 * ```ts
 * constructor(health: RunnerHealth, database: Database) {
 *   health.addCheck('database', () => database.ping());
 * }
 * ```
 */
@Injectable()
export class RunnerHealth {
  private readonly logger = new RunnerLogger('PipecatRunner');
  private readonly checks = new Map<string, ReadinessCheck>();
  /** What failed last time: probes come every few seconds, and only changes are worth a line. */
  private lastFailing = '';

  constructor(launcher: BotLauncher, transports: TransportRegistry, readiness: RunnerReadiness) {
    this.addCheck('bot', () => MissingBotLauncher.refuse(launcher));
    this.addCheck('transports', () => transports.refuseIfNone());
    this.addCheck('sessions', () => readiness.refuseUnlessReady());
  }

  /** Adds a check, or replaces the one of that name. */
  addCheck(name: string, check: ReadinessCheck): void {
    this.checks.set(name, check);
  }

  /** Runs all checks. @returns those that fail */
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

  /**
   * The same as an indicator of `@nestjs/terminus`, for a health controller of the host's:
   * `health.check([() => runnerHealth.isHealthy()])`.
   */
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
      // The text of somebody else's error may hold anything, so it stays inside.
      this.logger.debug(`readiness check '${name}': ${text}`);
      return { name };
    }
  }
}
