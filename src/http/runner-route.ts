import { RequestMethod, type Type } from '@nestjs/common';
import type { NestHandler } from '../compat/nest-handlers.js';
import type { RunnerRef } from '../runner-ref.js';
import type { RunnerRequest } from './runner-request.js';

/** Streaming of a body by its handler; `unlimited` where the handler has limits of its own, not `bodyLimitBytes`. */
export type BodyStreaming = 'limited' | 'unlimited';

/** Metadata of a runner's route. Registered with the route, so that the matching router entry identifies its runner. */
export interface RunnerRoute extends NestHandler {
  readonly runner: RunnerRef;
  /** Class of the handler. */
  readonly controller: Type<unknown>;
  /** Set if the handler streams the body. */
  readonly streamsBody: BodyStreaming | undefined;
  /** True if a request may start a session for its sender. */
  readonly opensSessions: boolean;
  /** Set if a request may name a session, which can be another node's. */
  readonly sessionOf: SessionOf | undefined;
  /** True if any node can take a request for a session that waits, or for a new one. */
  readonly canMove: boolean;
  /** True if a node decides about a session whose own node does not answer. */
  readonly takesOver: boolean;
  /** True if it opens a session, which any node can do. */
  readonly opensAnywhere: boolean;
}

/** Returns the id of the session that a request names. @param id the route's `:id` */
export type SessionOf = (request: RunnerRequest, id: string | undefined) => string | undefined;

/** Metadata key of the {@link RunnerRoute}, on handlers and in Fastify's route configuration. */
export const RUNNER_ROUTE = Symbol('RUNNER_ROUTE');

/** Returns the route of a handler from a router or an `ExecutionContext`; `undefined` for the host's. */
export const runnerRouteOf = (handler: object): RunnerRoute | undefined =>
  Reflect.getMetadata(RUNNER_ROUTE, handler) as RunnerRoute | undefined;

/** Returns the allowed methods of the routes at one path, for `Allow`. */
export function allowedMethods(routes: readonly RunnerRoute[]): string[] {
  const methods = routes.map(({ method }) => RequestMethod[method]);
  return [...new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'])];
}
