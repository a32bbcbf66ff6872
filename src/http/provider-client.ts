import { setTimeout as sleep } from 'node:timers/promises';
import { fieldOf, textOfThrown } from '../errors/thrown.js';
import { printable } from '../validation/printable.js';
import { ProviderError } from './provider-error.js';

/** What goes along with a call, and what comes of it. */
export interface ProviderCall {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as a form instead. */
  readonly form?: Readonly<Record<string, string>>;
  /** Whether it may be tried again although it may have been done: a call that is placed twice rings twice. @default true */
  readonly repeatable?: boolean;
  /** Whether a refusal is as good as a success, such as the deletion of what is not there. */
  readonly accept?: (status: number, answer: unknown) => boolean;
}

/** How a {@link ProviderClient} reaches its provider. */
export interface ProviderClientOptions {
  /** The provider's name, for messages. */
  readonly provider: string;
  /** Base URL, without a trailing slash. */
  readonly baseUrl: string;
  /** The `Authorization` header. */
  readonly authorization: string;
  /** The key or password in it. It never appears in an error. */
  readonly secret: string;
  /** The longest one call may take with all its retries, in milliseconds; one attempt gets half of it. */
  readonly timeoutMs: number;
  /**
   * How often a call is tried.
   * @default 5
   */
  readonly maxAttempts?: number;
  /** What the provider's error body says was wrong. */
  readonly reasonOf: (body: unknown) => string | undefined;
}

const JSON_TYPE = 'application/json';
const MAX_ATTEMPTS = 5;
const FIRST_BACKOFF_MS = 200;
/** More of an answer than this is not read. */
const MAX_ANSWER_CHARS = 1_048_576;

type Attempt =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly error: ProviderError; readonly waitMs?: number };

/**
 * A provider's JSON REST API. 429 and 5xx answers, time-outs and broken connections are tried again with growing pauses, or after what
 * `Retry-After` asks for, until `timeoutMs` is used up.
 */
export class ProviderClient {
  constructor(private readonly options: ProviderClientOptions) {}

  /**
   * @param path starts with a slash
   * @returns the parsed JSON answer; `undefined` for an empty one, and for a refusal that is accepted
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
      // They would carry the key elsewhere.
      redirect: 'manual',
    };
    for (let attempt = 1; ; attempt++) {
      // What is not tried again has all the time.
      const attemptMs = repeatable ? timeoutMs / 2 : timeoutMs;
      const leftMs = Math.ceil(Math.max(1, Math.min(attemptMs, deadlineMs - performance.now())));
      const result = await this.attempt(path, request, attempt, leftMs, accept);
      if (result.ok) return result.body;
      const { error } = result;
      const again = error.providerStatus === 429 || (repeatable && error.outcomeUnknown);
      // Jitter, or everyone who was refused together comes back together.
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
      const reason = ok ? 'not with JSON' : (this.options.reasonOf(answer) ?? '');
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

  /** A provider's words, fit to be shown: short, printable, without the key and without phone numbers. */
  private safe(reason: string): string {
    const { secret } = this.options;
    // Between any two characters there is an empty text.
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

/** The code for what broke, such as ECONNREFUSED: `fetch` keeps it in the cause of its error. */
function causeOf(error: unknown): string {
  const cause = fieldOf(error, 'cause') ?? error;
  const code = fieldOf(cause, 'code');
  return typeof code === 'string' ? code : textOfThrown(cause).message;
}
