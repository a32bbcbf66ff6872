import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { RunnerError } from '../errors/runner.error.js';
import { type HttpRequest, nodeRequest, queryOf } from './http-request.js';

/** A request body as the intake took it off the wire, left it there, or got it from somebody who took it before. */
export interface TakenBody {
  /** `undefined` where somebody took it before and kept only the parsed body. */
  readonly raw: Buffer | undefined;
  readonly parsed: { readonly value: unknown } | { readonly malformed: RunnerError };
  /** The bytes of it that the handler may read, where it was left. */
  readonly leftBytes?: number;
}

export const EMPTY_BODY: TakenBody = { raw: Buffer.alloc(0), parsed: { value: {} } };

/** Where it hangs on Node's request, which is all that the frameworks' hooks and guards have in common. */
const RUNNER_REQUEST = Symbol('RUNNER_REQUEST');
type WithRunnerRequest = IncomingMessage & { [RUNNER_REQUEST]?: RunnerRequest };

/** A request to a route of the runner, from the intake to the controller: the framework's request, and all that the runner knows of it. */
export class RunnerRequest implements HttpRequest {
  /** Node's own request under the framework's. */
  readonly raw: IncomingMessage;
  /** True if the intake has seen to it. */
  isReceived = false;
  /** The body, once the intake has taken or left it. */
  taken: TakenBody | undefined;

  private constructor(
    /** The framework's own request. */
    readonly http: HttpRequest,
  ) {
    this.raw = nodeRequest(http);
  }

  /** Returns the one of a framework's request. */
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
   * The parsed body; an empty one counts as `{}`.
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
   * The body's bytes exactly as they arrived, for signatures.
   * @throws {Error} when something parsed the body before the runner saw it, and kept no copy
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

/** Returns the parsed body of a framework's request. @throws {RunnerError} `BAD_REQUEST` for malformed JSON, without a `fallback` for it */
export const bodyOf = (request: HttpRequest, fallback?: object): unknown =>
  fallback ? RunnerRequest.of(request).bodyOr(fallback) : RunnerRequest.of(request).body;

/** Returns the bytes of the body of a framework's request. @throws {Error} when nobody kept them */
export const rawBodyOf = (request: HttpRequest): Buffer => RunnerRequest.of(request).rawBody;
