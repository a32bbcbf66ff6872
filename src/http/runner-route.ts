import { RequestMethod, type Type } from '@nestjs/common';
import type { NestHandler } from '../compat/nest-handlers.js';
import type { RunnerRef } from '../runner-ref.js';

/** A route of a runner. It goes along with the route wherever Nest registers it, so that the router that takes a request knows whose it is. */
export interface RunnerRoute extends NestHandler {
  readonly runner: RunnerRef;
  /** The class that has the handler. */
  readonly controller: Type<unknown>;
  /** Whether the handler reads the body itself. */
  readonly streamsBody: boolean;
  /** Whether a request may start a session for whoever sends it. */
  readonly opensSessions: boolean;
}

/** Where the {@link RunnerRoute} is in the metadata of a handler, and in the configuration of a route of Fastify. */
export const RUNNER_ROUTE = Symbol('RUNNER_ROUTE');

/** The route that a handler answers, as a router or an `ExecutionContext` has it; `undefined` for those of the host. */
export const runnerRouteOf = (handler: object): RunnerRoute | undefined =>
  Reflect.getMetadata(RUNNER_ROUTE, handler) as RunnerRoute | undefined;

/** What `Allow` says of the routes at one path. */
export function allowedMethods(routes: readonly RunnerRoute[]): string[] {
  const methods = routes.map(({ method }) => RequestMethod[method]);
  return [...new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])];
}
