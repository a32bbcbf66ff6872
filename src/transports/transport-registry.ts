import { Inject, Injectable, type DynamicModule } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { printable } from '../validation/printable.js';
import type { RunnerTransport } from './runner-transport.js';

/** A transport that is disabled on this instance. */
export interface DisabledTransport {
  readonly name: string;
  readonly reason: string;
}

/** Registry of the transports of this instance, by wire name. */
@Injectable()
export class TransportRegistry {
  private readonly byName = new Map<string, RunnerTransport>();
  /** True when sessions also start without a `/start`. */
  private hasOthers = false;

  /** @internal injected */
  constructor(@Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions) {}

  /** Registers a transport, in its constructor. */
  register(transport: RunnerTransport): void {
    for (const name of transport.names) this.byName.set(name, transport);
  }

  /** Registers a transport without a `/start`, in its constructor. */
  registerOther(): void {
    this.hasOthers = true;
  }

  /** True when no transport is registered, disabled ones included. */
  get isEmpty(): boolean {
    return this.byName.size === 0 && !this.hasOthers;
  }

  /** Returns what is wrong with options that name an unknown transport. */
  get unknown(): string[] {
    const names = [...this.byName.keys()].join(', ') || 'none';
    return (['onlyTransport', 'defaultTransport'] as const).flatMap((option) => {
      const name = this.options[option];
      if (name === undefined || this.byName.has(name)) return [];
      return `${option} is '${name}', which is none of the transports that are configured: ${names}.`;
    });
  }

  /** Names that `POST /start` accepts on this instance. */
  get accepted(): string[] {
    return [...this.byName]
      .filter(([name, transport]) => this.allows(name) && transport.disabledReason === undefined)
      .map(([name]) => name);
  }

  /** The accepted name, where there is exactly one. */
  get onlyOne(): string | undefined {
    const [first, ...others] = this.accepted;
    return others.length === 0 ? first : undefined;
  }

  /** Disabled transports, with the fix. */
  get disabled(): DisabledTransport[] {
    return [...this.byName].flatMap(([name, { disabledReason: reason }]) =>
      this.allows(name) && reason !== undefined ? [{ name, reason }] : [],
    );
  }

  /** True when `onlyTransport` permits this name. */
  allows(name: string): boolean {
    return this.options.onlyTransport === undefined || this.options.onlyTransport === name;
  }

  /** @throws {RunnerError} `TRANSPORT_UNAVAILABLE` when no name is accepted */
  refuseIfNone(): void {
    if (this.accepted.length > 0 || this.hasOthers) return;
    const why = this.disabled.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
    throw new RunnerError(
      'TRANSPORT_UNAVAILABLE',
      `No transport can be used${why && ` (${why})`}.`,
    );
  }

  /**
   * Returns the transport of a wire name.
   * @throws {RunnerError} `TRANSPORT_UNAVAILABLE` naming the accepted names
   */
  require(name: string): RunnerTransport {
    const transport = this.byName.get(name);
    if (transport && this.allows(name) && transport.disabledReason === undefined) return transport;
    const why = !transport
      ? 'is not known to this runner'
      : !this.allows(name)
        ? 'is not allowed on this runner'
        : `is disabled on this runner (${transport.disabledReason})`;
    const accepted = this.accepted.join(', ') || 'none';
    throw new RunnerError(
      'TRANSPORT_UNAVAILABLE',
      `Transport '${shorten(name)}' ${why}. Accepted: ${accepted}.`,
    );
  }
}

/** Shortens client text for a message and removes control characters. */
function shorten(name: string): string {
  return printable(name);
}

/** DI token that marks the module of a transport nobody configured explicitly. */
export const IMPLIED_TRANSPORT = Symbol('IMPLIED_TRANSPORT');

/** Marks a transport module as implied: when it is disabled, no warning is logged. */
export const impliedTransport = (module: DynamicModule): DynamicModule => ({
  ...module,
  providers: [...(module.providers ?? []), { provide: IMPLIED_TRANSPORT, useValue: true }],
});
