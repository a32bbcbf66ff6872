import type { IncomingMessage, ServerResponse } from 'node:http';
import { SetMetadata } from '@nestjs/common';
import { type ExpressApplication, ExpressRouter } from '../../compat/express-router.js';
import type { RunnerRef } from '../../runner-ref.js';
import type { HttpRequest } from '../http-request.js';
import { RunnerRequest } from '../runner-request.js';
import { allowedMethods, RUNNER_ROUTE, type RunnerRoute, runnerRouteOf } from '../runner-route.js';
import { isPreflight } from './cors.js';
import type { InstalledIntake, OpenExchange, Receiver, RoutedRoute } from './exchange.js';

/** Subset of Express' request. */
type ExpressRequest = IncomingMessage & HttpRequest & { readonly path: string; body?: unknown };

/** Installs the intake in an Express application: a middleware ahead of the host's, which asks the router for the matching route. */
export function installOnExpress(
  express: ExpressApplication,
  receiverOf: (runner: RunnerRef) => Receiver,
): InstalledIntake {
  const router = new ExpressRouter<RunnerRoute>(express, runnerRouteOf);
  let routes: RoutedRoute[] = [];

  express.use((request: ExpressRequest, response: ServerResponse, next: () => void) => {
    const { method = '', headers, path } = request;
    const asked = isPreflight(request) ? headers['access-control-request-method']! : method;
    const route =
      router.find(asked, path) ?? (asked === method ? undefined : router.find(method, path));
    if (!route) return next();
    receiverOf(route.runner).receive(new ExpressExchange(router, route, request, response, next));
  });

  return {
    get routes() {
      return routes;
    },
    complete() {
      const registered = router.routes;
      routes = registered.map(({ path, note }) => ({ path, route: note }));
      for (const path of new Set(routes.map((one) => one.path))) {
        const here = registered.filter((one) => one.path === path);
        if (here.some(({ takesOptions }) => takesOptions)) continue;
        const route = here[0]!.note;
        const methods = allowedMethods(here.map(({ note }) => note));
        const answer = (request: ExpressRequest, response: ServerResponse, next: () => void) =>
          receiverOf(route.runner).answerOptions(
            new ExpressExchange(router, route, request, response, next),
            methods,
          );
        SetMetadata(RUNNER_ROUTE, route)(answer);
        express.options(path, answer);
      }
    },
  };
}

class ExpressExchange implements OpenExchange {
  readonly request: RunnerRequest;

  constructor(
    private readonly router: ExpressRouter<RunnerRoute>,
    readonly route: RunnerRoute,
    private readonly express: ExpressRequest,
    readonly reply: ServerResponse,
    private readonly goOn: () => void,
  ) {
    this.request = RunnerRequest.of(express);
  }

  header(name: string): unknown {
    return this.reply.getHeader(name);
  }

  setHeader(name: string, value: string): void {
    this.reply.setHeader(name, value);
  }

  param(name: string): string | undefined {
    return this.router.param(this.route, this.express.path, name);
  }

  hostHasCors(): boolean {
    return this.router.hasCors(this.express.path);
  }

  next(): void {
    if (this.request.taken) this.express.body = this.request.bodyOr({});
    this.goOn();
  }
}
