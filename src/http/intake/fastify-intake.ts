import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { RunnerRef } from '../../runner-ref.js';
import type { HttpRequest } from '../http-request.js';
import { takeOverResponse } from '../http-response.js';
import { RunnerRequest } from '../runner-request.js';
import { allowedMethods, RUNNER_ROUTE, type RunnerRoute, runnerRouteOf } from '../runner-route.js';
import type { InstalledIntake, OpenExchange, Receiver, RoutedRoute } from './exchange.js';

/**
 * Builds the intake into a Fastify application: hooks of the runners' routes alone, which the router has found by then.
 * @param handlerOfAll the handler of the `@All()` route that is being registered, if one is
 */
export function installOnFastify(
  fastify: FastifyApplication,
  receiverOf: (runner: RunnerRef) => Receiver,
  handlerOfAll: () => object | undefined,
): InstalledIntake {
  const registered: (FastifyRoute & { readonly route: RunnerRoute })[] = [];
  let routes: RoutedRoute[] = [];

  fastify.addHook('onRoute', (options) => {
    // Nest 11 gives no configuration to routes that take every method.
    const route =
      options.config?.[RUNNER_ROUTE] ?? runnerRouteOf(handlerOfAll() ?? options.handler);
    if (!route) return;
    // An application on Express may have had this module before, and Express wants a name behind the asterisk.
    options.url = options.path = options.url.replace(/\*\w+$/, '*');
    registered.push({ ...options, route });
    const receiver = (): Receiver => receiverOf(route.runner);
    options.onRequest = [options.onRequest ?? []].flat();
    options.onRequest.push((request, reply, done) => {
      receiver().receive(new FastifyExchange(fastify, route, request, reply, done));
    });
    // The body has been read, so Fastify must not wait for one: until its parsing is over it sees none announced.
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
    // A hook of the host's may have answered before the route's own hooks.
    options.onSend = [options.onSend ?? []].flat();
    options.onSend.push((request, reply, payload, done) => {
      if (!RunnerRequest.of(request).isReceived) {
        receiver().allowOrigin(new FastifyExchange(fastify, route, request, reply));
      }
      done(null, payload);
    });
  });

  const isFree = (method: string, url: string): boolean => !fastify.hasRoute({ method, url });

  /** With a slash at its end, which Express takes for the same. */
  const registerTwins = (): void => {
    const { ignoreTrailingSlash, routerOptions = {} } = fastify.initialConfig;
    if (ignoreTrailingSlash || routerOptions.ignoreTrailingSlash) return;
    for (const { method, url, handler, config } of [...registered]) {
      if (/[/*]$/.test(url)) continue;
      const twin = `${url}/`;
      // HEAD comes with GET.
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
  readonly response: ServerResponse;

  constructor(
    private readonly fastify: FastifyApplication,
    readonly route: RunnerRoute,
    http: FastifyRequest,
    private readonly reply: FastifyReply,
    readonly next = (): void => undefined,
  ) {
    this.request = RunnerRequest.of(http);
    this.response = reply.raw;
  }

  header(name: string): unknown {
    return this.reply.getHeader(name);
  }

  setHeader(name: string, value: string): void {
    this.reply.header(name, value);
  }

  hostHasCors(): boolean {
    return this.fastify.hasRequestDecorator(CORS_DECORATOR);
  }

  takeOver(): ServerResponse {
    return takeOverResponse(this.reply);
  }
}

const NO_BODY = {
  'content-type': undefined,
  'content-length': '0',
  'transfer-encoding': undefined,
};

/** The decoration of requests that `@fastify/cors`, which `app.enableCors()` uses, adds. */
const CORS_DECORATOR = 'corsPreflightEnabled';

/** The part of a Fastify instance that is used; the package itself is an optional peer. */
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

/** A route as it is registered; whatever an `onRoute` hook sets of it counts. */
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
  /** Setting them lays them over those that came. */
  headers: IncomingMessage['headers'];
  body: unknown;
}

interface FastifyReply {
  readonly raw: ServerResponse;
  getHeader(name: string): unknown;
  header(name: string, value: string): unknown;
  getHeaders(): Record<string, string | string[] | number>;
  hijack(): void;
}
