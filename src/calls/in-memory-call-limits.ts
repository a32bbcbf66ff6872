import { Min } from 'class-validator';
import { Accepts } from '../validation/option.decorators.js';
import { resolveOptions, type WithDefaults } from '../validation/options.js';
import {
  CallLimitError,
  CallLimits,
  type CallReservation,
  type PlannedCall,
  type PlannedTransfer,
} from './call-limits.js';
import { TenantCalls } from './tenant-calls.js';

const AtLeast0 = (): PropertyDecorator =>
  Min(0, { message: '$property must be a number, at least 0' });

const IsPatterns = (): PropertyDecorator =>
  Accepts(
    "must be a list of prefixes such as '+49', or patterns",
    (value) =>
      Array.isArray(value) &&
      value.every((one) => typeof one === 'string' || one instanceof RegExp),
  );

/** Limits of one tenant. Omitted fields are unlimited. */
export class TenantCallLimits {
  /** The most concurrent calls, ringing or answered. @default Infinity */
  @AtLeast0()
  readonly maxCalls?: number = Infinity;
  /**
   * The most minutes of answered calls within the window (`windowMs`), including active ones, which end as `too_long` when the minutes are used up.
   * @default Infinity
   */
  @AtLeast0()
  readonly maxMinutes?: number = Infinity;
  /** Allowed destinations: prefixes of the number or SIP URI, such as `+49`, or patterns for all of it. @default all */
  @IsPatterns()
  readonly destinations?: readonly (string | RegExp)[];
  /** Blocked destinations, even if allowed, such as `+49900`. @default [] */
  @IsPatterns()
  readonly blockedDestinations?: readonly (string | RegExp)[] = [];
}

type ResolvedLimits = WithDefaults<TenantCallLimits, 'destinations'>;

type TenantLimitsLookup = (
  tenant: string | undefined,
) => TenantCallLimits | undefined | Promise<TenantCallLimits | undefined>;

/** Limits of every tenant, or a function that looks up those of one, such as in the host's database. */
export type TenantLimitsSource = TenantCallLimits | TenantLimitsLookup;

/** Options of {@link InMemoryCallLimits}. */
export class InMemoryCallLimitsOptions {
  /** Rolling window of `maxMinutes`, in milliseconds. A call counts until its end leaves the window. @default 86_400_000 (1 day) */
  @Accepts('must be a number above 0', (value) => Number.isFinite(value) && Number(value) > 0)
  readonly windowMs?: number = 86_400_000;
  /** Monotonic clock, in milliseconds. @default `performance.now` */
  @Accepts('must be a function', (value) => typeof value === 'function')
  readonly now?: () => number = () => performance.now();
}

/**
 * Counts the calls and minutes of each tenant in memory; a restart resets them. Looking up limits may be asynchronous, but checking and counting is
 * one atomic step.
 */
export class InMemoryCallLimits extends CallLimits {
  private readonly tenants = new Map<string | undefined, TenantCalls>();
  private readonly source: ResolvedLimits | TenantLimitsLookup;
  private readonly options: Required<InMemoryCallLimitsOptions>;

  /**
   * @param source limits that apply to each tenant, or a function that returns those of one @default no limits
   * @throws {InvalidOptionsError} for invalid limits; `reserve()` throws for invalid ones from the function
   */
  constructor(source: TenantLimitsSource = {}, options: InMemoryCallLimitsOptions = {}) {
    super();
    this.source = typeof source === 'function' ? source : resolveLimits(source);
    this.options = resolveOptions('InMemoryCallLimits', new InMemoryCallLimitsOptions(), options);
  }

  async reserve({ tenant, to, end }: PlannedCall): Promise<CallReservation> {
    const limits = await this.limitsOf(tenant);
    refuseDestination(to, limits);
    return this.callsOf(tenant).reserve(limits, end);
  }

  override async checkTransfer({ tenant, to }: PlannedTransfer): Promise<void> {
    refuseDestination(to, await this.limitsOf(tenant));
  }

  /** Returns the current usage of a tenant: active calls, and minutes within the window. */
  usageOf(tenant: string | undefined): { readonly calls: number; readonly minutes: number } {
    const known = this.tenants.get(tenant);
    return { calls: known?.active ?? 0, minutes: known?.minutes ?? 0 };
  }

  private async limitsOf(tenant: string | undefined): Promise<ResolvedLimits> {
    return typeof this.source === 'function'
      ? resolveLimits((await this.source(tenant)) ?? {})
      : this.source;
  }

  private callsOf(tenant: string | undefined): TenantCalls {
    // Evicts idle tenants, least recently used first.
    for (const [id, { isIdle }] of this.tenants) {
      if (!isIdle) break;
      this.tenants.delete(id);
    }
    const { windowMs, now } = this.options;
    const calls = this.tenants.get(tenant) ?? new TenantCalls(windowMs, now);
    // Moves the tenant to the end (LRU order).
    this.tenants.delete(tenant);
    this.tenants.set(tenant, calls);
    return calls;
  }
}

function refuseDestination(
  to: string,
  { destinations, blockedDestinations }: ResolvedLimits,
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

const resolveLimits = (limits: TenantCallLimits): ResolvedLimits =>
  resolveOptions('InMemoryCallLimits', new TenantCallLimits(), limits);
