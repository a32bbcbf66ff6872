import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { RunnerRef } from '../../runner-ref.js';
import type { HttpRequest } from '../http-request.js';
import { RunnerRequest } from '../runner-request.js';
import { allowedMethods, RUNNER_ROUTE, type RunnerRoute, runnerRouteOf } from '../runner-route.js';
import type { InstalledIntake, OpenExchange, Receiver, RoutedRoute } from './exchange.js';

/**
 * Installs the intake in a Fastify application, with hooks on the runners' routes only.
 * @param handlerOfAll returns the handler of the `@All()` route that is being registered, if any
 */
export function installOnFastify(
  fastify: FastifyApplication,
  receiverOf: (runner: RunnerRef) => Receiver,
  handlerOfAll: () => object | undefined,
): InstalledIntake {
  const registered: (FastifyRoute & { readonly route: RunnerRoute })[] = [];
  let routes: RoutedRoute[] = [];

  fastify.addHook('onRoute', (options) => {
    // Nest 11 passes no configuration for `@All()` routes.
    const route =
      options.config?.[RUNNER_ROUTE] ?? runnerRouteOf(handlerOfAll() ?? options.handler);
    if (!route) return;
    // Express requires a name for the wildcard; the module may have been used there before.
    options.url = options.path = options.url.replace(/\*\w+$/, '*');
    registered.push({ ...options, route });
    const receiver = (): Receiver => receiverOf(route.runner);
    options.onRequest = [options.onRequest ?? []].flat();
    options.onRequest.push((request, reply, done) => {
      receiver().receive(new FastifyExchange(fastify, route, request, reply, done));
    });
    // The intake has read the body, so Fastify must not wait for one: its headers are hidden until parsing is over.
    options.preParsing = [options.preParsing ?? []].flat();
    options.preParsing.push((request, _reply, payload, done) => {
      if (RunnerRequest.of(request).taken) request.headers = NO_BODY;
      done(null, payload);
    });
    options.preValidation = [options.preValidation ?? []].flat();
    options.preValidation.push((request, _reply, done) => {
      const runnerRequest = RunnerRequest.of(request);
      if (runnerRequest.taken) {
        (request as { headers: unknown }).headers = undefined;
        request.body = runnerRequest.bodyOr({});
      }
      done();
    });
    // A hook of the host may answer before the route's own hooks.
    options.onSend = [options.onSend ?? []].flat();
    options.onSend.push((request, reply, payload, done) => {
      if (!RunnerRequest.of(request).isReceived) {
        receiver().allowOrigin(new FastifyExchange(fastify, route, request, reply));
      }
      done(null, payload);
    });
  });

  const isFree = (method: string, url: string): boolean => !fastify.hasRoute({ method, url });

  /** Registers each route with a trailing slash too, as Express matches it. */
  const registerTwins = (): void => {
    const { ignoreTrailingSlash, routerOptions = {} } = fastify.initialConfig;
    if (ignoreTrailingSlash || routerOptions.ignoreTrailingSlash) return;
    for (const { method, url, handler, config } of [...registered]) {
      if (/[/*]$/.test(url)) continue;
      const twin = `${url}/`;
      // GET includes HEAD.
      const methods = [method].flat().filter((one) => one !== 'HEAD' && isFree(one, twin));
      if (methods.length > 0) fastify.route({ method: methods, url: twin, handler, config });
    }
  };

  const registerOptions = (): void => {
    for (const url of new Set(registered.map((one) => one.url))) {
      if (!isFree('OPTIONS', url)) continue;
      const here = registered.filter((one) => one.url === url).map(({ route }) => route);
      const [route] = here as [RunnerRoute];
      const methods = allowedMethods(here);
      fastify.route({
        method: 'OPTIONS',
        url,
        config: { [RUNNER_ROUTE]: route },
        handler: (request, reply) =>
          receiverOf(route.runner).answerOptions(
            new FastifyExchange(fastify, route, request, reply),
            methods,
          ),
      });
    }
  };

  return {
    get routes() {
      return routes;
    },
    complete() {
      routes = registered.map(({ url, route }) => ({ path: url, route }));
      registerTwins();
      registerOptions();
    },
  };
}

class FastifyExchange implements OpenExchange {
  readonly request: RunnerRequest;

  constructor(
    private readonly fastify: FastifyApplication,
    readonly route: RunnerRoute,
    http: FastifyRequest,
    readonly reply: FastifyReply,
    readonly next = (): void => undefined,
  ) {
    this.request = RunnerRequest.of(http);
  }

  header(name: string): unknown {
    return this.reply.getHeader(name);
  }

  setHeader(name: string, value: string): void {
    this.reply.header(name, value);
  }

  param(name: string): string | undefined {
    return this.request.params?.[name];
  }

  hostHasCors(): boolean {
    return this.fastify.hasRequestDecorator(CORS_DECORATOR);
  }
}

const NO_BODY = {
  'content-type': undefined,
  'content-length': '0',
  'transfer-encoding': undefined,
};

/** Request decorator of `@fastify/cors`, which `app.enableCors()` uses. */
const CORS_DECORATOR = 'corsPreflightEnabled';

/** Subset of a Fastify instance; the package is an optional peer. */
export interface FastifyApplication {
  readonly initialConfig: {
    readonly ignoreTrailingSlash?: boolean;
    readonly routerOptions?: { readonly ignoreTrailingSlash?: boolean };
  };
  addHook(name: 'onRoute', hook: (options: FastifyRoute) => void): void;
  hasRequestDecorator(name: string): boolean;
  hasRoute(route: { method: string; url: string }): boolean;
  route(options: Omit<FastifyRoute, 'path'>): void;
}

/** Route options during registration. Changes in an `onRoute` hook take effect. */
interface FastifyRoute {
  readonly method: string | string[];
  url: string;
  path: string;
  readonly handler: (request: FastifyRequest, reply: FastifyReply) => unknown;
  readonly config?: { readonly [RUNNER_ROUTE]?: RunnerRoute };
  onRequest?: Hooks<[done: () => void]>;
  preParsing?: Hooks<[payload: Readable, done: (error: null, payload: Readable) => void]>;
  preValidation?: Hooks<[done: () => void]>;
  onSend?: Hooks<[payload: unknown, done: (error: null, payload: unknown) => void]>;
}

type Hook<A extends unknown[]> = (request: FastifyRequest, reply: FastifyReply, ...rest: A) => void;
type Hooks<A extends unknown[]> = Hook<A> | Hook<A>[];

interface FastifyRequest extends Omit<HttpRequest, 'headers' | 'raw'> {
  readonly raw: IncomingMessage;
  /** Assignments are merged over the received headers. */
  headers: IncomingMessage['headers'];
  body: unknown;
}

interface FastifyReply {
  readonly raw: ServerResponse;
  getHeader(name: string): unknown;
  header(name: string, value: string): unknown;
}
