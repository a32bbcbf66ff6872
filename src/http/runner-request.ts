import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { RunnerError } from '../errors/runner.error.js';
import { type HttpRequest, nodeRequest, queryOf } from './http-request.js';

/** Request body as the intake has read it, left it, or found it already read. */
export interface TakenBody {
  /** Raw bytes; `undefined` where only the parsed body was kept. */
  readonly raw: Buffer | undefined;
  readonly parsed: { readonly value: unknown } | { readonly malformed: RunnerError };
  /** The most bytes that the handler may stream, for a body left on the wire. */
  readonly leftBytes?: number;
  /** Content length of a body left on the wire. @default 0, where it is unknown */
  readonly announcedBytes?: number;
}

export const EMPTY_BODY: TakenBody = { raw: Buffer.alloc(0), parsed: { value: {} } };

/** Key on Node's request, the only object that the frameworks' hooks and guards share. */
const RUNNER_REQUEST = Symbol('RUNNER_REQUEST');
type WithRunnerRequest = IncomingMessage & { [RUNNER_REQUEST]?: RunnerRequest };

/** Request to a route of the runner, from the intake to the controller: the framework's request and the runner's own data. */
export class RunnerRequest implements HttpRequest {
  /** Node's request under the framework's. */
  readonly raw: IncomingMessage;
  /** True once the intake has handled the request. */
  isReceived = false;
  /** True for a request that another node of the fleet has passed on. */
  isPassedOn = false;
  /** Body, once the intake has read or left it. */
  taken: TakenBody | undefined;

  private constructor(
    /** The framework's request. */
    readonly http: HttpRequest,
  ) {
    this.raw = nodeRequest(http);
  }

  /** Returns the runner's request of a framework's request. */
  static of(http: HttpRequest): RunnerRequest {
    if (http instanceof RunnerRequest) return http;
    const node = nodeRequest(http) as WithRunnerRequest;
    return (node[RUNNER_REQUEST] ??= new RunnerRequest(http));
  }

  get method(): string {
    return this.raw.method ?? '';
  }

  get headers(): IncomingMessage['headers'] {
    return this.http.headers;
  }

  get protocol(): string {
    return this.http.protocol;
  }

  get host(): string | undefined {
    return this.http.host;
  }

  get originalUrl(): string {
    return this.http.originalUrl;
  }

  get baseUrl(): string | undefined {
    return this.http.baseUrl;
  }

  get params(): HttpRequest['params'] {
    return this.http.params;
  }

  get routeOptions(): HttpRequest['routeOptions'] {
    return this.http.routeOptions;
  }

  get route(): HttpRequest['route'] {
    return this.http.route;
  }

  get socket(): Socket {
    return this.raw.socket;
  }

  get query(): Record<string, string> {
    return queryOf(this);
  }

  /**
   * Parsed body; `{}` for an empty one.
   * @throws {RunnerError} `BAD_REQUEST` for malformed JSON
   */
  get body(): unknown {
    const { parsed } = this.taken ?? EMPTY_BODY;
    if ('value' in parsed) return parsed.value;
    throw parsed.malformed;
  }

  /** Returns the parsed body, or `fallback` for malformed JSON. */
  bodyOr(fallback: object): unknown {
    const { parsed } = this.taken ?? EMPTY_BODY;
    return 'value' in parsed ? parsed.value : fallback;
  }

  /**
   * Raw body, for verifying signatures.
   * @throws {Error} when the body was parsed before the runner and no copy was kept
   */
  get rawBody(): Buffer {
    const { raw } = this.taken ?? EMPTY_BODY;
    if (raw) return raw;
    throw new Error(
      'The bytes of a request are needed, but something parsed its body before the runner and kept none: keep them as request.rawBody, such as with ' +
        'express.json({ verify: (request, _response, bytes) => { request.rawBody = bytes; } }), or parse bodies after NestFactory.create().',
    );
  }
}
