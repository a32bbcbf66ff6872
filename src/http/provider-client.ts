import { setTimeout as sleep } from 'node:timers/promises';
import { ProviderError } from './provider-error.js';

/** How a {@link ProviderClient} reaches its provider. */
export interface ProviderClientOptions {
  /** The provider's name, for messages. */
  readonly provider: string;
  /** Base URL, without a trailing slash. */
  readonly baseUrl: string;
  /** The bearer key. It never appears in an error. */
  readonly apiKey: string;
  /** The longest one call may take with all its retries, in milliseconds; one attempt gets half of it. */
  readonly timeoutMs: number;
  /** What the provider's error body says was wrong. */
  readonly reasonOf: (body: unknown) => string | undefined;
}

const MAX_ATTEMPTS = 5;
const FIRST_BACKOFF_MS = 200;
/** More of an answer than this is not read. */
const MAX_ANSWER_BYTES = 1_048_576;

type Attempt =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly error: ProviderError; readonly waitMs?: number };

/**
 * A provider's JSON REST API. Connections are pooled and kept alive by Node's fetch. 429 and 5xx answers, time-outs and broken
 * connections are tried again with growing pauses, or after what `Retry-After` asks for, until `timeoutMs` is used up.
 */
export class ProviderClient {
  constructor(private readonly options: ProviderClientOptions) {}

  /**
   * @param path starts with a slash
   * @returns the parsed JSON answer; `undefined` for 404 when `missingIsFine`
   * @throws {ProviderError} `PROVIDER_REFUSED` (502), `PROVIDER_UNREACHABLE` (502) or `PROVIDER_TIMEOUT` (504)
   */
  async call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    { body, missingIsFine = false }: { body?: unknown; missingIsFine?: boolean } = {},
  ): Promise<unknown> {
    const deadlineMs = performance.now() + this.options.timeoutMs;
    const json = body === undefined ? undefined : JSON.stringify(body);
    for (let attempt = 1; ; attempt++) {
      const result = await this.attempt(method, path, json, attempt, deadlineMs);
      if (result.ok) return result.body;
      const { error } = result;
      if (missingIsFine && error.providerStatus === 404) return undefined;
      const again = error.providerStatus === 429 || error.outcomeUnknown;
      // Jitter, or everyone who was refused together comes back together.
      const backoffMs = FIRST_BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
      const waitMs = Math.max(result.waitMs ?? 0, backoffMs);
      if (!again || attempt === MAX_ATTEMPTS || performance.now() + waitMs >= deadlineMs) {
        throw error;
      }
      await sleep(waitMs);
    }
  }

  private async attempt(
    method: string,
    path: string,
    json: string | undefined,
    attempts: number,
    deadlineMs: number,
  ): Promise<Attempt> {
    const { provider, baseUrl, apiKey, timeoutMs } = this.options;
    const leftMs = Math.max(1, Math.min(timeoutMs / 2, deadlineMs - performance.now()));
    const signal = AbortSignal.timeout(Math.ceil(leftMs));
    try {
      const response = await fetch(baseUrl + path, {
        method,
        signal,
        // A redirect would carry the key elsewhere.
        redirect: 'error',
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(json !== undefined && { 'content-type': 'application/json' }),
        },
        ...(json !== undefined && { body: json }),
      });
      const answer = parse(await textOf(response));
      if (response.ok && answer !== undefined) return { ok: true, body: answer };
      const waitMs = retryAfterMs(response.headers.get('retry-after'));
      const reason = response.ok ? 'not with JSON' : (this.options.reasonOf(answer) ?? '');
      const error = new ProviderError(
        'PROVIDER_REFUSED',
        `${provider} answered ${response.status}${reason && `: ${this.safe(reason)}`}`,
        { providerStatus: response.ok ? 502 : response.status, attempts, waitMs },
      );
      return { ok: false, waitMs, error };
    } catch (cause) {
      const error = signal.aborted
        ? new ProviderError('PROVIDER_TIMEOUT', `${provider} did not answer in time`, {
            attempts,
            cause,
          })
        : new ProviderError(
            'PROVIDER_UNREACHABLE',
            `${provider} could not be reached (${causeOf(cause)})`,
            { attempts, cause },
          );
      return { ok: false, error };
    }
  }

  /** A provider's words, fit to be shown: short, printable, without the key and without phone numbers. */
  private safe(reason: string): string {
    return reason
      .replaceAll(this.options.apiKey, '***')
      .replace(/\+?\d{7,}/g, '***')
      .replace(/[^\x20-\x7e]/g, '?')
      .slice(0, 300);
  }
}

async function textOf(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > MAX_ANSWER_BYTES) throw new Error('the answer is too long');
  }
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** `Retry-After` in seconds or as a date. */
function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Node's code for what broke, such as ECONNREFUSED. */
function causeOf(error: unknown): string {
  const cause = (error as { cause?: unknown } | null)?.cause ?? error;
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : cause instanceof Error ? cause.message : 'unknown';
}
