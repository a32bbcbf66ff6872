import { isInstance } from '../../errors/thrown.js';
import { AsyncResource } from 'node:async_hooks';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { RunnerError } from '../../errors/runner.error.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../../runner.options.js';
import { RUNNER_REF, type RunnerRef } from '../../runner-ref.js';
import { FleetRouter } from '../fleet-router/fleet-router.js';
import { isOriginAllowed } from '../allowed-origins.js';
import { isHost, isReading, NO_HOST } from '../http-request.js';
import { sendError, takeOverResponse } from '../http-response.js';
import { leaveBody, takeBody } from '../request-body.js';
import { Cors, isPreflight } from './cors.js';
import type { Exchange, OpenExchange, Receiver } from './exchange.js';
import { isOfForeignPage } from './foreign-page.js';
import { HttpIntake } from './http-intake.js';

/**
 * Request intake of one runner, ahead of the framework: CORS, cross-origin checks, and the body. The runner needs the raw bytes, its own limit, and
 * its own error for a malformed body.
 */
@Injectable()
export class RunnerIntake implements Receiver {
  private readonly logger = new Logger('PipecatRunner');
  private readonly cors: Cors;

  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    @Inject(RUNNER_REF) runner: RunnerRef,
    intake: HttpIntake,
    private readonly router: FleetRouter,
  ) {
    this.cors = new Cors(options.allowedOrigins);
    intake.add(runner, this);
  }

  receive(exchange: OpenExchange): void {
    if (this.allowOrigin(exchange))
      return void takeOverResponse(exchange.reply).writeHead(204).end();
    // Answered by the host.
    if (isPreflight(exchange.request)) return exchange.next();
    this.router.receive(exchange);
    this.take(exchange, (error) => {
      if (error) this.refuse(exchange, error);
      else this.router.route(exchange);
    });
  }

  /** Handles a request that bypassed the intake, such as through a URL that the host rewrote. */
  receiveLate(exchange: Exchange): Promise<void> {
    this.allowOrigin(exchange);
    return new Promise((resolve, reject) => {
      this.take(exchange, (error) => (error ? reject(error) : resolve()));
    });
  }

  allowOrigin(exchange: Exchange): boolean {
    exchange.request.isReceived = true;
    return this.cors.apply(exchange);
  }

  answerOptions(exchange: OpenExchange, methods: readonly string[]): void {
    const response = takeOverResponse(exchange.reply);
    response.setHeader('allow', methods.join(', '));
    response.writeHead(204).end();
  }

  private take(exchange: Exchange, done: (error?: Error) => void): void {
    const { request, route } = exchange;
    const refusal = this.refusal(exchange);
    if (refusal || isReading(request)) return done(refusal);
    const { streamsBody } = route;
    const readBody = streamsBody ? leaveBody : takeBody;
    const bodyLimitBytes = streamsBody === 'unlimited' ? Infinity : this.options.bodyLimitBytes;
    // Preserves the host's AsyncLocalStorage, which would be lost in the events of the body.
    const scope = new AsyncResource('RunnerIntake');
    const limits = { bodyLimitBytes, bodyTimeoutMs: this.options.bodyTimeoutMs };
    readBody(request, limits, (error) => scope.runInAsyncScope(done, undefined, error));
  }

  private refusal({ request, route }: Exchange): RunnerError | undefined {
    const { allowedOrigins, publicUrl } = this.options;
    const { origin } = request.headers;
    if (!isHost(request.host)) {
      return new RunnerError('BAD_REQUEST', NO_HOST);
    }
    // CORS prevents a page from reading the answer, but not from sending: a form needs no preflight.
    if (origin !== undefined && !isReading(request) && !isOriginAllowed(origin, allowedOrigins)) {
      return new RunnerError('FORBIDDEN', 'This origin is not allowed.');
    }
    if (route.opensSessions && isOfForeignPage(request, { allowedOrigins, publicUrl })) {
      return new RunnerError(
        'FORBIDDEN',
        'A page of another origin starts no sessions like this: send application/json or a key in a header, or add its origin to allowedOrigins.',
      );
    }
    return undefined;
  }

  private refuse(exchange: OpenExchange, error: Error): void {
    const { raw } = exchange.request;
    const response = takeOverResponse(exchange.reply);
    if (!isInstance(error, RunnerError)) this.logger.error(error.message, error.stack);
    // The rest of the body is not read, so the connection cannot be reused.
    if (!raw.complete && raw.httpVersionMajor < 2) response.setHeader('connection', 'close');
    sendError(response, error);
    raw.resume();
  }
}
