import type { ExecutionContext } from '@nestjs/common';
import { runnerRouteOf } from '../http/runner-route.js';

/**
 * Access kind of a request, which decides the required key.
 *
 * | kind | routes | with keys |
 * | --- | --- | --- |
 * | `start` | routes that start sessions: `/start`, `/daily`, … | public or private |
 * | `session` | routes of one session: `/sessions/:id/*` | public or private |
 * | `manage` | listing, inspecting and stopping sessions | private |
 * | `webhook` | webhooks, which are signed instead | none |
 * | `open` | probes and API documentation | none |
 */
export type AccessKind = 'start' | 'session' | 'manage' | 'webhook' | 'open';

/** Metadata key of the {@link AccessKind} of a controller or handler. */
export const ACCESS = Symbol('ACCESS');

type Route = Pick<ExecutionContext, 'getHandler' | 'getClass'>;

/** Returns the access that a route's `@Access(…)` declares: the handler's, or else the controller's. */
export const accessOf = (route: Route): AccessKind | undefined =>
  declaredAccess(route.getHandler(), route.getClass());

/** Returns the declared access outside of a request. */
export const declaredAccess = (handler: object, controller: object): AccessKind | undefined =>
  (Reflect.getMetadata(ACCESS, handler) ?? Reflect.getMetadata(ACCESS, controller)) as
    AccessKind | undefined;

/**
 * Returns true when a request starts a session of the runner, for the host's rate limit guards.
 *
 * @example
 * ```ts
 * ThrottlerModule.forRoot({ throttlers: [{ ttl: 60_000, limit: 10 }], skipIf: (context) => !startsSession(context) })
 * ```
 */
export const startsSession = (context: ExecutionContext): boolean => accessOf(context) === 'start';

/**
 * Returns the access kind of a request to a route of the runner; `undefined` for a route of the host. For global guards of the host.
 *
 * @example
 * ```ts
 * // In a login guard: probes and carriers have no login.
 * if (['open', 'webhook'].includes(runnerAccess(context) ?? '')) return true;
 * ```
 */
export const runnerAccess = (context: ExecutionContext): AccessKind | undefined =>
  runnerRouteOf(context.getHandler()) && accessOf(context);
