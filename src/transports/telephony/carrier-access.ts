import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { CallRouter } from '../../calls/call-router.js';
import { RunnerError } from '../../errors/runner.error.js';
import { RunnerLogger } from '../../errors/runner-logger.js';
import { RunnerServing } from '../../http/runner-serving.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../../runner.options.js';
import type { Carrier } from './carriers/carrier.js';
import { BUILT_IN, Carriers } from './carriers/index.js';
import { TELEPHONY_OPTIONS } from './telephony-options.token.js';
import type { ResolvedTelephonyOptions } from './telephony.options.js';
import { webhookKeysOf } from './webhook-keys.js';

/** True for a router that looks up keys itself. A host may provide any object with a route() method. */
const hasKeys = (router: CallRouter): boolean =>
  'webhookKeys' in router && router.webhookKeys !== CallRouter.prototype.webhookKeys;

/**
 * Single source of truth for the carriers whose calls anyone can start. Once the webhooks of one carrier are verified, calls need the token of a
 * webhook's answer or of `POST /start`, unless their carrier is configured and signs nothing, or is named in `openCarriers`.
 */
@Injectable()
export class CarrierAccess implements OnModuleInit {
  /** Keys of the module by carrier. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
  /** True if the host's `CallRouter` looks up keys. */
  private readonly hasRouterKeys: boolean;

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly runnerOptions: ResolvedRunnerOptions,
    @Inject(TELEPHONY_OPTIONS) private readonly options: ResolvedTelephonyOptions,
    private readonly carriers: Carriers,
    private readonly serving: RunnerServing,
    callRouter: CallRouter,
  ) {
    this.keys = webhookKeysOf(options.webhookKeys, options.credentials, carriers);
    this.hasRouterKeys = hasKeys(callRouter);
  }

  onModuleInit(): void {
    this.serving.onServing('webhookKeys', () => {
      const logger = new RunnerLogger('PipecatRunner');
      for (const line of this.openings()) logger.warn(line);
    });
  }

  /** True once the webhooks of any carrier are verified. */
  get isVerifying(): boolean {
    return this.keys.size > 0 || this.hasRouterKeys;
  }

  /** True for a carrier whose calls need the token of a webhook's answer or of `POST /start`. */
  needsToken(name: string): boolean {
    return this.runnerOptions.webSocketAuth === 'token' || !this.isOpen(name);
  }

  /** @throws {RunnerError} `UNAUTHORIZED` for a webhook without a signature, unless anyone may send it */
  requireOpen(name: string): void {
    if (this.isOpen(name)) return;
    throw new RunnerError(
      'UNAUTHORIZED',
      `Webhooks of ${name} cannot be verified here, though those of others are: give TelephonyModule ${this.fixOf(name)}.`,
    );
  }

  private isOpen(name: string): boolean {
    if (!this.isVerifying || this.options.openCarriers.includes(name)) return true;
    return !this.verifies(name) && this.isConfigured(name);
  }

  private verifies(name: string): boolean {
    return this.keys.has(name) || (this.hasRouterKeys && this.signs(name));
  }

  private signs(name: string): boolean {
    return this.carriers.find(name)?.webhook?.signature !== undefined;
  }

  private isConfigured(name: string): boolean {
    return this.options.credentials[name] !== undefined || !BUILT_IN.names.includes(name);
  }

  private fixOf(name: string): string {
    const open = 'name it in openCarriers, which lets anyone start calls';
    if (this.signs(name)) return `its webhookKeys, or ${open}`;
    return this.carriers.find(name)?.account
      ? `its credentials, or ${open}`
      : `openCarriers with it, which lets anyone start calls`;
  }

  /** Returns what is open to anyone and why, a line each. */
  private openings(): string[] {
    const { options, carriers, isVerifying } = this;
    const namesOf = (test: (carrier: Carrier) => boolean) =>
      carriers.all.filter(test).map(({ name }) => name);
    const unsigned = namesOf(({ name }) => this.signs(name) && !this.verifies(name));
    const lines: string[] = [];
    const askers = isVerifying ? unsigned.filter((name) => this.isOpen(name)) : unsigned;
    if (options.webhookKeys !== false && askers.length > 0) {
      lines.push(
        `Webhooks of ${askers.join(', ')} are taken from anyone: give TelephonyModule the webhookKeys to verify them with.`,
      );
    }
    // Without verified webhooks the warnings about missing keys cover it.
    if (!isVerifying || this.runnerOptions.webSocketAuth === 'token') return lines;
    for (const carrier of carriers.all) {
      const { name } = carrier;
      if (askers.includes(name) || !this.isOpen(name)) continue;
      if (carrier.verifyConnection && options.credentials[name]) continue;
      const why = options.openCarriers.includes(name)
        ? 'openCarriers has it'
        : 'it is configured, and signs nothing';
      lines.push(`Calls of ${name} are taken from anyone at /ws: ${why}.`);
    }
    if (options.evals) {
      lines.push("Pipecat's eval harness is taken from anyone at /ws: evals is on.");
    }
    if (options.unknownCallers === 'bot') {
      lines.push("Peers of no carrier are taken from anyone at /ws: unknownCallers is 'bot'.");
    }
    return lines;
  }
}
