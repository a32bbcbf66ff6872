import { RunnerError, type RunnerErrorCode } from '../errors/runner.error.js';

/** What is known of a call to a provider that failed. */
export interface ProviderErrorFacts extends ErrorOptions {
  /** The HTTP status the provider answered with, where it answered. */
  readonly providerStatus?: number;
  /** How often the call was tried. @default 1 */
  readonly attempts?: number;
  /** How long the provider asked to be left alone, in milliseconds. */
  readonly waitMs?: number;
}

/** A call that a provider refused, or that never reached it. The message is safe to show: no key, no phone number. */
export class ProviderError extends RunnerError {
  override readonly name = 'ProviderError';
  readonly providerStatus: number | undefined;
  readonly attempts: number;
  private readonly waitMs: number | undefined;

  constructor(
    code: RunnerErrorCode & `PROVIDER_${string}`,
    message: string,
    { providerStatus, attempts = 1, waitMs, ...options }: ProviderErrorFacts = {},
  ) {
    super(code, message, options);
    this.providerStatus = providerStatus;
    this.attempts = attempts;
    this.waitMs = waitMs;
  }

  override get retryAfterSeconds(): number | undefined {
    return this.waitMs === undefined ? undefined : Math.ceil(this.waitMs / 1_000);
  }

  /** Whether the provider may have done what was asked of it all the same. */
  get outcomeUnknown(): boolean {
    return this.providerStatus === undefined || this.providerStatus >= 500;
  }
}
