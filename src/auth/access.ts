import type { ExecutionContext } from '@nestjs/common';
import { runnerRouteOf } from '../http/runner-route.js';

/**
 * The kind of a request, which decides the key that it needs.
 *
 * | kind | routes | with keys |
 * | --- | --- | --- |
 * | `start` | those that start sessions: `/start`, `/daily`, … | a public or a private one |
 * | `session` | those that lead to one session: `/sessions/:id/*` | a public or a private one |
 * | `manage` | listing, inspecting and stopping sessions | a private one |
 * | `webhook` | webhooks, which are signed instead | none |
 * | `open` | probes, and what describes the runner | none |
 */
export type AccessKind = 'start' | 'session' | 'manage' | 'webhook' | 'open';

/** Where the {@link AccessKind} hangs on a controller or handler. */
export const ACCESS = Symbol('ACCESS');

type Route = Pick<ExecutionContext, 'getHandler' | 'getClass'>;

/** Returns the access that a route declares with `@Access(…)`: its handler, or else its controller. */
export const accessOf = (route: Route): AccessKind | undefined =>
  declaredAccess(route.getHandler(), route.getClass());

/** The same of a route that is not being called. */
export const declaredAccess = (handler: object, controller: object): AccessKind | undefined =>
  (Reflect.getMetadata(ACCESS, handler) ?? Reflect.getMetadata(ACCESS, controller)) as
    AccessKind | undefined;

/**
 * Whether a request starts a session of the runner, for guards of the host that limit how often that may happen.
 *
 * @example
 * ```ts
 * ThrottlerModule.forRoot({ throttlers: [{ ttl: 60_000, limit: 10 }], skipIf: (context) => !startsSession(context) })
 * ```
 */
export const startsSession = (context: ExecutionContext): boolean => accessOf(context) === 'start';

/**
 * Returns the kind of access of a request to a route of the runner; `undefined` for a route of the host. For guards of the host that apply to every route.
 *
 * @example
 * ```ts
 * // In a guard that wants a login: probes and carriers have none.
 * if (['open', 'webhook'].includes(runnerAccess(context) ?? '')) return true;
 * ```
 */
export const runnerAccess = (context: ExecutionContext): AccessKind | undefined =>
  runnerRouteOf(context.getHandler()) && accessOf(context);
