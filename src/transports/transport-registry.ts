import { Inject, Injectable } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { printable } from '../validation/printable.js';
import type { RunnerTransport } from './runner-transport.js';

/** A transport that was asked for but cannot be used on this instance. */
export interface DisabledTransport {
  readonly name: string;
  readonly reason: string;
}

/** All transports of this instance, by the names they are asked for. */
@Injectable()
export class TransportRegistry {
  private readonly byName = new Map<string, RunnerTransport>();
  /** Whether sessions also begin in another way than by a `/start`. */
  private hasOthers = false;

  /** @internal injected */
  constructor(@Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions) {}

  /** Called by each transport when it is constructed. */
  register(transport: RunnerTransport): void {
    for (const name of transport.names) this.byName.set(name, transport);
  }

  /** Called by a transport without a `/start` when it is constructed. */
  registerOther(): void {
    this.hasOthers = true;
  }

  /** Whether there are none, whatever can be used of them. */
  get isEmpty(): boolean {
    return this.byName.size === 0 && !this.hasOthers;
  }

  /** What is wrong with options that name a transport which is not here. */
  get unknown(): string[] {
    const names = [...this.byName.keys()].join(', ') || 'none';
    return (['onlyTransport', 'defaultTransport'] as const).flatMap((option) => {
      const name = this.options[option];
      if (name === undefined || this.byName.has(name)) return [];
      return `${option} is '${name}', which is none of the transports that are configured: ${names}.`;
    });
  }

  /** The names that `POST /start` accepts on this instance. */
  get accepted(): string[] {
    return [...this.byName]
      .filter(([name, transport]) => this.allows(name) && transport.disabledReason === undefined)
      .map(([name]) => name);
  }

  /** The one name that is accepted, where there is only one. */
  get onlyOne(): string | undefined {
    const [first, ...others] = this.accepted;
    return others.length === 0 ? first : undefined;
  }

  /** The transports that are there but cannot be used, with the fix. */
  get disabled(): DisabledTransport[] {
    return [...this.byName].flatMap(([name, { disabledReason: reason }]) =>
      this.allows(name) && reason !== undefined ? [{ name, reason }] : [],
    );
  }

  /** Whether `onlyTransport` leaves room for this name. */
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
   * The transport that serves a name.
   * @throws {RunnerError} `TRANSPORT_UNAVAILABLE`, saying which names are accepted
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

/** Client text that goes into a message: no control characters, no essay. */
function shorten(name: string): string {
  return printable(name);
}
