import { RunnerError, type RunnerErrorCode } from '../errors/runner.error.js';

/** Details of a failed request to a provider. */
export interface ProviderErrorFacts extends ErrorOptions {
  /** HTTP status of the provider's answer, if any. */
  readonly providerStatus?: number;
  /** Number of attempts. @default 1 */
  readonly attempts?: number;
  /** Requested wait (`Retry-After`), in milliseconds. */
  readonly waitMs?: number;
}

/** Failed request to a provider. The message is safe to show: no key, no phone number. */
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

  /** True when the provider may have executed the request anyway. */
  get outcomeUnknown(): boolean {
    return this.providerStatus === undefined || this.providerStatus >= 500;
  }
}
