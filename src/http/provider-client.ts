import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
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

const MAX_ATTEMPTS = 5;
const FIRST_BACKOFF_MS = 200;
/** More of an answer than this is not read. */
const MAX_ANSWER_CHARS = 1_048_576;
/** An unused connection is closed after this, before the provider does and the next request goes into the void. */
const IDLE_CONNECTION_MS = 4_000;

const TIMED_OUT = new Error('timed out');

interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly type?: string;
  readonly text?: string;
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

type Attempt =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly error: ProviderError; readonly waitMs?: number };

/**
 * A provider's JSON REST API over pooled connections. 429 and 5xx answers, time-outs and broken connections are tried again with
 * growing pauses, or after what `Retry-After` asks for, until `timeoutMs` is used up. Node's own client and not its fetch, which
 * takes a millisecond more a call.
 */
export class ProviderClient {
  private readonly request: typeof httpRequest;
  private readonly agent: HttpAgent;

  constructor(private readonly options: ProviderClientOptions) {
    const secure = options.baseUrl.startsWith('https:');
    this.request = secure ? httpsRequest : httpRequest;
    const Agent = secure ? HttpsAgent : HttpAgent;
    this.agent = new Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS });
  }

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
    const outgoing: Outgoing = {
      method,
      path,
      ...(form
        ? { type: 'application/x-www-form-urlencoded', text: new URLSearchParams(form).toString() }
        : body !== undefined && { type: 'application/json', text: JSON.stringify(body) }),
    };
    for (let attempt = 1; ; attempt++) {
      // What is not tried again has all the time.
      const attemptMs = repeatable ? timeoutMs / 2 : timeoutMs;
      const leftMs = Math.max(1, Math.min(attemptMs, deadlineMs - performance.now()));
      const result = await this.attempt(outgoing, attempt, leftMs, accept);
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
    outgoing: Outgoing,
    attempts: number,
    timeoutMs: number,
    accept: ProviderCall['accept'],
  ): Promise<Attempt> {
    const { provider } = this.options;
    try {
      const { status, retryAfter, text } = await this.exchange(outgoing, timeoutMs);
      const ok = status >= 200 && status < 300;
      const answer = parse(text);
      if (ok && (answer !== undefined || text === '')) return { ok, body: answer };
      if (accept?.(status, answer)) return { ok: true, body: undefined };
      const waitMs = retryAfterMs(retryAfter);
      const reason = ok ? 'not with JSON' : (this.options.reasonOf(answer) ?? '');
      const error = new ProviderError(
        'PROVIDER_REFUSED',
        `${provider} answered ${status}${reason && `: ${this.safe(reason)}`}`,
        { providerStatus: ok ? 502 : status, attempts, waitMs },
      );
      return { ok: false, waitMs, error };
    } catch (cause) {
      const error =
        cause === TIMED_OUT
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

  /** One request and its answer. Redirects are not followed: they would carry the key elsewhere. */
  private exchange({ method, path, type, text }: Outgoing, timeoutMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: this.options.authorization,
        ...(text !== undefined && {
          'content-type': type,
          'content-length': Buffer.byteLength(text),
        }),
      };
      const { agent } = this;
      const request = this.request(this.options.baseUrl + path, { method, agent, headers });
      const timer = setTimeout(() => request.destroy(TIMED_OUT), timeoutMs);
      request.on('error', reject);
      request.on('close', () => clearTimeout(timer));
      request.on('response', (response) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          answer += part;
          if (answer.length > MAX_ANSWER_CHARS) {
            request.destroy(new Error('its answer is too long'));
          }
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            retryAfter: response.headers['retry-after'],
            text: answer,
          }),
        );
      });
      request.end(text);
    });
  }

  /** A provider's words, fit to be shown: short, printable, without the key and without phone numbers. */
  private safe(reason: string): string {
    return printable(
      reason.replaceAll(this.options.secret, '***').replace(/\+?\d{7,}/g, '***'),
      300,
    );
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** `Retry-After` in seconds or as a date. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** Node's code for what broke, such as ECONNREFUSED. */
function causeOf(error: unknown): string {
  const code = fieldOf(error, 'code');
  return typeof code === 'string' ? code : textOfThrown(error).message;
}
