import { setTimeout as sleep } from 'node:timers/promises';
import { fieldOf, textOfThrown } from '../errors/thrown.js';
import { parseJson } from '../limits/json-limits.js';
import { printable } from '../validation/printable.js';
import { ProviderError } from './provider-error.js';

/** Options of a request to a provider. */
export interface ProviderCall {
  /** JSON body. */
  readonly body?: unknown;
  /** Form body, instead of JSON. */
  readonly form?: Readonly<Record<string, string>>;
  /** False for a request that must not be retried because it is not idempotent, such as placing a call. @default true */
  readonly repeatable?: boolean;
  /** Returns true for an error answer that counts as success, such as deleting what does not exist. */
  readonly accept?: (status: number, answer: unknown) => boolean;
}

/** Options of a {@link ProviderClient}. */
export interface ProviderClientOptions {
  /** Name of the provider, for messages. */
  readonly provider: string;
  /** Base URL, without trailing slash. */
  readonly baseUrl: string;
  /** `Authorization` header. */
  readonly authorization: string;
  /** Secret in the header, redacted from errors. */
  readonly secret: string;
  /** Timeout of a request including its retries, in milliseconds. One attempt gets half of it. */
  readonly timeoutMs: number;
  /**
   * The most attempts of a request.
   * @default 5
   */
  readonly maxAttempts?: number;
  /** Returns the reason from the provider's error body. @param text of the body, also where it is no JSON */
  readonly reasonOf: (body: unknown, text: string) => string | undefined;
}

const JSON_TYPE = 'application/json';
const MAX_ATTEMPTS = 5;
const FIRST_BACKOFF_MS = 200;
/** Largest answer, in characters. */
const MAX_ANSWER_CHARS = 1_048_576;

type Attempt =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly error: ProviderError; readonly waitMs?: number };

/**
 * Client of a provider's JSON REST API. Retries 429 and 5xx answers, timeouts and broken connections with exponential backoff, or after
 * `Retry-After`, until `timeoutMs` is used up.
 */
export class ProviderClient {
  constructor(private readonly options: ProviderClientOptions) {}

  /**
   * Sends a request.
   * @param path path with a leading slash
   * @returns the parsed JSON answer; `undefined` for an empty one, and for an accepted refusal
   * @throws {ProviderError} `PROVIDER_REFUSED` (502), `PROVIDER_UNREACHABLE` (502) or `PROVIDER_TIMEOUT` (504)
   */
  async call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    { body, form, accept, repeatable = true }: ProviderCall = {},
  ): Promise<unknown> {
    const { timeoutMs, maxAttempts = MAX_ATTEMPTS } = this.options;
    const deadlineMs = performance.now() + timeoutMs;
    const type = form ? 'application/x-www-form-urlencoded' : body !== undefined && JSON_TYPE;
    const request: RequestInit = {
      method,
      headers: { authorization: this.options.authorization, ...(type && { 'content-type': type }) },
      body: form ? new URLSearchParams(form).toString() : JSON.stringify(body),
      // A redirect would send the key elsewhere.
      redirect: 'manual',
    };
    for (let attempt = 1; ; attempt++) {
      // Without retries, one attempt gets all the time.
      const attemptMs = repeatable ? timeoutMs / 2 : timeoutMs;
      const leftMs = Math.ceil(Math.max(1, Math.min(attemptMs, deadlineMs - performance.now())));
      const result = await this.attempt(path, request, attempt, leftMs, accept);
      if (result.ok) return result.body;
      const { error } = result;
      const again = error.providerStatus === 429 || (repeatable && error.outcomeUnknown);
      // Jitter spreads the retries of clients that were refused together.
      const backoffMs = FIRST_BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
      const waitMs = Math.max(result.waitMs ?? 0, backoffMs);
      if (!again || attempt >= maxAttempts || performance.now() + waitMs >= deadlineMs) {
        throw error;
      }
      await sleep(waitMs);
    }
  }

  private async attempt(
    path: string,
    request: RequestInit,
    attempts: number,
    timeoutMs: number,
    accept: ProviderCall['accept'],
  ): Promise<Attempt> {
    const { provider, baseUrl } = this.options;
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(baseUrl + path, { ...request, signal });
      const { ok, status } = response;
      const text = await textOf(response);
      const answer = parse(text);
      if (ok && (answer !== undefined || text === '')) return { ok, body: answer };
      if (accept?.(status, answer)) return { ok: true, body: undefined };
      const waitMs = retryAfterMs(response.headers.get('retry-after'));
      const reason = ok ? 'not with JSON' : (this.options.reasonOf(answer, text) ?? '');
      const error = new ProviderError(
        'PROVIDER_REFUSED',
        `${provider} answered ${status}${reason && `: ${this.safe(reason)}`}`,
        { providerStatus: ok ? 502 : status, attempts, waitMs },
      );
      return { ok: false, waitMs, error };
    } catch (cause) {
      const error = signal.aborted
        ? new ProviderError('PROVIDER_TIMEOUT', `${provider} did not answer in time`, {
            attempts,
          })
        : new ProviderError(
            'PROVIDER_UNREACHABLE',
            `${provider} could not be reached (${causeOf(cause)})`,
            { attempts, cause },
          );
      return { ok: false, error };
    }
  }

  /** Sanitises a provider's text: short, printable, without the key and without phone numbers. */
  private safe(reason: string): string {
    const { secret } = this.options;
    // An empty secret would match between all characters.
    const masked = secret === '' ? reason : reason.replaceAll(secret, '***');
    return printable(masked.replace(/\+?\d{7,}/g, '***'), 300);
  }
}

async function textOf({ body }: Response): Promise<string> {
  let text = '';
  for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part;
    if (text.length > MAX_ANSWER_CHARS) throw new Error('its answer is too long');
  }
  return text;
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** Parses `Retry-After` in seconds or as a date. */
function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Returns the error code, such as ECONNREFUSED, which `fetch` keeps in the cause. */
function causeOf(error: unknown): string {
  const cause = fieldOf(error, 'cause') ?? error;
  const code = fieldOf(cause, 'code');
  return typeof code === 'string' ? code : textOfThrown(cause).message;
}
