import {
  applyDecorators,
  Inject,
  Injectable,
  SetMetadata,
  type Type,
  UseFilters,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RunnerExceptionFilter } from '../http/runner-exception.filter.js';
import {
  getAuthToken,
  RunnerAuth,
  type Principal,
  type AccessKind,
  OwnPrincipal,
} from './runner-auth.js';
import { RunnerError } from '../errors/runner.error.js';
import type { HttpRequest } from '../http/http-request.js';
import { RunnerRequest } from '../http/runner-request.js';
import { runnerRouteOf } from '../http/runner-route.js';

/** Metadata key of the {@link AccessKind} of a controller or handler. */
const ACCESS = Symbol('ACCESS');

type Route = Pick<ExecutionContext, 'getHandler' | 'getClass'>;

/** Returns the access that a route's `@Access(…)` declares: the handler's, or else the controller's. */
const accessOf = (route: Route): AccessKind | undefined =>
  declaredAccess(route.getHandler(), route.getClass());

/** Returns the declared access outside of a request. */
export const declaredAccess = (handler: object, controller: object): AccessKind | undefined =>
  (Reflect.getMetadata(ACCESS, handler) ?? Reflect.getMetadata(ACCESS, controller)) as
    AccessKind | undefined;

/**
 * Returns true when a request starts a session of the runner, for the host's rate limit guards.
 */
export const startsSession = (context: ExecutionContext): boolean => accessOf(context) === 'start';

/**
 * Returns the access kind of a request to a route of the runner; `undefined` for a route of the host. For global guards of the host.
 */
export const runnerAccess = (context: ExecutionContext): AccessKind | undefined =>
  runnerRouteOf(context.getHandler()) && accessOf(context);

/**
 * Declares the access kind of a controller or handler, and so the key that requests need. Every controller of the runner has it. A host can use it on
 * its own controllers, in modules that see the runner's exports (`isGlobal`, or an import of the `RunnerModule`).
 * @param runner `name` of the runner whose `RunnerAuth` decides @default the runner without a name
 */
export function Access(kind: AccessKind, runner?: string): ClassDecorator & MethodDecorator {
  return applyDecorators(
    SetMetadata(ACCESS, kind),
    ...(kind === 'open' || kind === 'webhook' ? [] : [UseGuards(guardOf(runner))]),
    UseFilters(RunnerExceptionFilter),
  );
}

function guardOf(runner: string | undefined): Type<AccessGuard> {
  if (runner === undefined) return AccessGuard;
  @Injectable()
  class NamedAccessGuard extends AccessGuard {
    constructor(@Inject(getAuthToken(runner)) auth: RunnerAuth, adapterHost: HttpAdapterHost) {
      super(auth, adapterHost);
    }
  }
  return NamedAccessGuard;
}

/** Authorizes requests with {@link RunnerAuth}. Applied by `@Access()`; a route without a declared access counts as `manage`. */
@Injectable()
class AccessGuard implements CanActivate {
  constructor(
    private readonly auth: RunnerAuth,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  canActivate(context: ExecutionContext): true | Promise<true> {
    const access = accessOf(context) ?? 'manage';
    if (access === 'open' || access === 'webhook') return true;
    const request = context.switchToHttp().getRequest<HttpRequest>();
    const principal = this.auth.authorize({ access, request, sessionId: request.params?.id });
    return isPromise(principal)
      ? Promise.resolve(principal).then((one) => this.admit(one, context))
      : this.admit(principal, context);
  }

  private admit(principal: Principal | undefined, context: ExecutionContext): true {
    const http = context.switchToHttp();
    if (!principal) {
      this.adapterHost.httpAdapter.setHeader(http.getResponse(), 'www-authenticate', 'Bearer');
      throw new RunnerError(
        'UNAUTHORIZED',
        'A valid key is needed here: send it as "Authorization: Bearer <key>".',
      );
    }
    RunnerRequest.of(http.getRequest<HttpRequest>()).principal = OwnPrincipal.of(principal);
    return true;
  }
}

/** Detects any thenable, since one mistaken for a principal would authorize everybody. */
const isPromise = (value: unknown): value is PromiseLike<Principal | undefined> =>
  typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
