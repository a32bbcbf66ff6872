import { type Check, checkOptions, InvalidOptionsError } from '../validation/options.js';
import {
  CallLimitError,
  CallLimits,
  type CallReservation,
  type PlannedCall,
  type PlannedTransfer,
} from './call-limits.js';
import { TenantCalls } from './tenant-calls.js';

/** Limits of one tenant. Omitted fields are unlimited. */
export interface TenantCallLimits {
  /** The most concurrent calls, ringing or answered. @default Infinity */
  readonly maxCalls?: number;
  /**
   * The most minutes of answered calls within the window (`windowMs`), including active ones, which end as `too_long` when the minutes are used up.
   * @default Infinity
   */
  readonly maxMinutes?: number;
  /** Allowed destinations: prefixes of the number or SIP URI, such as `+49`, or patterns for all of it. @default all */
  readonly destinations?: readonly (string | RegExp)[];
  /** Blocked destinations, even if allowed, such as `+49900`. @default [] */
  readonly blockedDestinations?: readonly (string | RegExp)[];
}

/** Limits of every tenant, or a function that looks up those of one, such as in the host's database. */
export type TenantLimitsSource =
  | TenantCallLimits
  | ((
      tenant: string | undefined,
    ) => TenantCallLimits | undefined | Promise<TenantCallLimits | undefined>);

/** Options of {@link InMemoryCallLimits}. */
export interface InMemoryCallLimitsOptions {
  /** Rolling window of `maxMinutes`, in milliseconds. A call counts until its end leaves the window. @default 86_400_000 (1 day) */
  readonly windowMs?: number;
  /** Monotonic clock, in milliseconds. @default `performance.now` */
  readonly now?: () => number;
}

/**
 * Counts the calls and minutes of each tenant in memory; a restart resets them. Looking up limits may be asynchronous, but checking and counting is
 * one atomic step.
 *
 * @example
 * ```ts
 * RunnerModule.forRoot({
 *   imports: [TenantsModule],
 *   callLimits: {
 *     inject: [TenantsRepository],
 *     useFactory: (tenants: TenantsRepository) => new InMemoryCallLimits((id) => tenants.callLimitsOf(id)),
 *   },
 * })
 * ```
 */
export class InMemoryCallLimits extends CallLimits {
  private readonly tenants = new Map<string | undefined, TenantCalls>();
  private readonly windowMs: number;
  private readonly now: () => number;

  /**
   * @param source limits that apply to each tenant, or a function that returns those of one @default no limits
   * @throws {InvalidOptionsError} for invalid limits; `reserve()` throws for invalid ones from the function
   */
  constructor(
    private readonly source: TenantLimitsSource = {},
    { windowMs = 86_400_000, now = () => performance.now() }: InMemoryCallLimitsOptions = {},
  ) {
    super();
    if (typeof source !== 'function') checkLimits(source);
    if (!(Number.isFinite(windowMs) && windowMs > 0)) {
      throw new InvalidOptionsError('InMemoryCallLimits', ['windowMs must be a number above 0']);
    }
    this.windowMs = windowMs;
    this.now = now;
  }

  async reserve({ tenant, to, end }: PlannedCall): Promise<CallReservation> {
    const limits = await this.limitsOf(tenant);
    refuseDestination(to, limits);
    const { maxCalls = Infinity, maxMinutes = Infinity } = limits;
    return this.callsOf(tenant).reserve({ maxCalls, maxMinutes }, end);
  }

  override async checkTransfer({ tenant, to }: PlannedTransfer): Promise<void> {
    refuseDestination(to, await this.limitsOf(tenant));
  }

  /** Returns the current usage of a tenant: active calls, and minutes within the window. */
  usageOf(tenant: string | undefined): { readonly calls: number; readonly minutes: number } {
    const known = this.tenants.get(tenant);
    return { calls: known?.active ?? 0, minutes: known?.minutes ?? 0 };
  }

  private async limitsOf(tenant: string | undefined): Promise<TenantCallLimits> {
    if (typeof this.source !== 'function') return this.source;
    const limits = (await this.source(tenant)) ?? {};
    checkLimits(limits);
    return limits;
  }

  private callsOf(tenant: string | undefined): TenantCalls {
    // Evicts idle tenants, least recently used first.
    for (const [id, { isIdle }] of this.tenants) {
      if (!isIdle) break;
      this.tenants.delete(id);
    }
    const calls = this.tenants.get(tenant) ?? new TenantCalls(this.windowMs, this.now);
    // Moves the tenant to the end (LRU order).
    this.tenants.delete(tenant);
    this.tenants.set(tenant, calls);
    return calls;
  }
}

function refuseDestination(
  to: string,
  { destinations, blockedDestinations = [] }: TenantCallLimits,
): void {
  const isOneOf = (patterns: readonly (string | RegExp)[]): boolean =>
    patterns.some((one) => (typeof one === 'string' ? to.startsWith(one) : matches(one, to)));
  if ((destinations && !isOneOf(destinations)) || isOneOf(blockedDestinations)) {
    throw new CallLimitError('destination', 'This destination may not be called.');
  }
}

/** Matches the whole text, whatever flags the pattern has. */
const matches = ({ source, flags }: RegExp, to: string): boolean =>
  new RegExp(`^(?:${source})$`, flags.replace(/[gy]/g, '')).test(to);

const patterns: Check = (value) =>
  Array.isArray(value) && value.every((one) => typeof one === 'string' || one instanceof RegExp)
    ? undefined
    : "must be a list of prefixes such as '+49', or patterns";

const atLeast0: Check = (value) =>
  typeof value === 'number' && value >= 0 ? undefined : 'must be a number, at least 0';

function checkLimits(limits: TenantCallLimits): void {
  checkOptions('InMemoryCallLimits', limits, {
    maxCalls: atLeast0,
    maxMinutes: atLeast0,
    destinations: patterns,
    blockedDestinations: patterns,
  });
}
