import { RequestMethod, type Type } from '@nestjs/common';
import type { NestHandler } from '../compat/nest-handlers.js';
import type { RunnerRef } from '../runner-ref.js';

/** A route of a runner. It goes along with the route wherever Nest registers it, so that the router that takes a request knows whose it is. */
export interface RunnerRoute extends NestHandler {
  readonly runner: RunnerRef;
  /** The class that has the handler. */
  readonly controller: Type<unknown>;
  /** True if the handler reads the body itself. */
  readonly streamsBody: boolean;
  /** True if a request may start a session for its sender. */
  readonly opensSessions: boolean;
}

/** Where the {@link RunnerRoute} is in the metadata of a handler, and in the configuration of a route of Fastify. */
export const RUNNER_ROUTE = Symbol('RUNNER_ROUTE');

/** The route that a handler answers, as a router or an `ExecutionContext` has it; `undefined` for those of the host. */
export const runnerRouteOf = (handler: object): RunnerRoute | undefined =>
  Reflect.getMetadata(RUNNER_ROUTE, handler) as RunnerRoute | undefined;

/** Returns the methods of the routes at one path, for `Allow`. */
export function allowedMethods(routes: readonly RunnerRoute[]): string[] {
  const methods = routes.map(({ method }) => RequestMethod[method]);
  return [...new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])];
}
