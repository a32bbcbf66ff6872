import type { Readable } from 'node:stream';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RunnerError } from '../errors/runner.error.js';
import { type ResolvedRunnerOptions, RUNNER_OPTIONS } from '../runner.options.js';
import { isOriginAllowed } from './allowed-origins.js';
import { sendError } from './http-response.js';
import { markMet } from './met.guard.js';
import { bodyOf, isBodyTaken, leaveBody, takeBody } from './request-body.js';
import { RunnerPaths } from './runner-paths.js';

/**
 * Meets requests for the runner's routes before the framework does: CORS, and the body, of which the runner wants
 * the raw bytes, its own limit, and its own answer when it is malformed. Other requests pass untouched.
 */
@Injectable()
export class HttpFront {
  constructor(
    @Inject(RUNNER_OPTIONS) private readonly options: ResolvedRunnerOptions,
    private readonly paths: RunnerPaths,
    adapterHost: HttpAdapterHost,
  ) {
    // Fires at once when the adapter is known; in a test it is known only after the module was compiled.
    adapterHost.init$.subscribe(() => {
      const adapter = adapterHost.httpAdapter;
      // None in an application without HTTP; one that listens already takes no hooks any more.
      if (!adapter || adapterHost.listening) return;
      if (adapter.getType() === 'fastify') this.installOnFastify(adapter.getInstance());
      else this.installOnExpress(adapter.getInstance());
    });
  }

  private installOnFastify(fastify: FastifyLike): void {
    fastify.addHook('onRequest', (request, reply, done) => {
      const how = this.paths.owns(request.raw.url ?? '');
      if (!how) return done();
      this.meet(request.raw, reply.raw, how, done, () => reply.hijack());
    });
    // The body has been read, so Fastify must not wait for one: until its parsing is over it sees none announced.
    fastify.addHook('preParsing', (request, _reply, payload, done) => {
      if (isBodyTaken(request.raw)) request.headers = NO_BODY;
      done(null, payload);
    });
    fastify.addHook('preValidation', (request, _reply, done) => {
      if (isBodyTaken(request.raw)) {
        (request as { headers: unknown }).headers = undefined;
        request.body = bodyOf(request as never, {});
      }
      done();
    });
  }

  private installOnExpress(express: ExpressLike): void {
    express.use((request, response, next) => {
      const how = this.paths.owns(request.originalUrl);
      if (!how) return next();
      this.meet(request, response, how, () => {
        if (isBodyTaken(request)) request.body = bodyOf(request as never, {});
        next();
      });
    });
  }

  private meet(
    request: IncomingMessage,
    response: ServerResponse,
    how: 'parsed' | 'streamed',
    next: () => void,
    takeOver?: () => void,
  ): void {
    markMet(request);
    if (this.cors(request, response)) {
      takeOver?.();
      response.writeHead(204).end();
      return;
    }
    if (request.method === 'GET' || request.method === 'HEAD') return next();
    const { origin } = request.headers;
    // CORS keeps a page from reading the answer, but not from asking: a form needs no preflight.
    if (origin !== undefined && !isOriginAllowed(origin, this.options.allowedOrigins)) {
      takeOver?.();
      return this.refuse(
        request,
        response,
        new RunnerError('FORBIDDEN', 'This origin is not allowed.'),
      );
    }
    const readBody = how === 'streamed' ? leaveBody : takeBody;
    readBody(request, this.options, (error) => {
      if (!error) return next();
      takeOver?.();
      this.refuse(request, response, error);
    });
  }

  /** Sets the CORS headers; true when the request was a preflight, which wants nothing more. */
  private cors(request: IncomingMessage, response: ServerResponse): boolean {
    const { origin } = request.headers;
    if (origin === undefined) return false;
    const { allowedOrigins } = this.options;
    const allowed = isOriginAllowed(origin, allowedOrigins);
    if (allowedOrigins.length === 0) {
      // Without credentials: an open runner must not lend a visitor's cookies to every site.
      response.setHeader('access-control-allow-origin', '*');
    } else {
      response.appendHeader('vary', 'Origin');
      if (allowed) {
        response.setHeader('access-control-allow-origin', origin);
        response.setHeader('access-control-allow-credentials', 'true');
      }
    }
    if (request.method !== 'OPTIONS' || !request.headers['access-control-request-method']) {
      return false;
    }
    if (allowed) {
      const headers = request.headers['access-control-request-headers'];
      response.setHeader('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE, OPTIONS');
      if (headers) response.setHeader('access-control-allow-headers', headers);
      response.setHeader('access-control-max-age', '600');
    }
    return true;
  }

  private refuse(request: IncomingMessage, response: ServerResponse, error: RunnerError): void {
    // What is still coming in is not read, so the connection cannot be used again.
    if (!request.complete) response.setHeader('connection', 'close');
    sendError(response, error);
    request.resume();
  }
}

const NO_BODY = {
  'content-type': undefined,
  'content-length': '0',
  'transfer-encoding': undefined,
};

/** What is used of a Fastify instance; the package itself is an optional peer. */
interface FastifyLike {
  addHook(
    name: 'onRequest' | 'preValidation',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): void;
  addHook(
    name: 'preParsing',
    hook: (
      request: FastifyRequestLike,
      reply: FastifyReplyLike,
      payload: Readable,
      done: (error: null, payload: Readable) => void,
    ) => void,
  ): void;
}

interface FastifyRequestLike {
  readonly raw: IncomingMessage;
  /** Setting them lays them over those that came. */
  headers: IncomingMessage['headers'];
  body: unknown;
}

interface FastifyReplyLike {
  readonly raw: ServerResponse;
  hijack(): void;
}

/** What is used of an Express application. */
interface ExpressLike {
  use(
    middleware: (
      request: IncomingMessage & { originalUrl: string; body?: unknown },
      response: ServerResponse,
      next: () => void,
    ) => void,
  ): void;
}
