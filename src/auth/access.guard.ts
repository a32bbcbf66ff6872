import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RunnerError } from '../errors/runner.error.js';
import type { HttpRequest } from '../http/http-request.js';
import { RunnerRequest } from '../http/runner-request.js';
import { accessOf } from './access.js';
import { OwnPrincipal } from './principal.js';
import { type Principal, RunnerAuth } from './runner-auth.js';

/** Authorizes requests with {@link RunnerAuth}. Applied by `@Access()`; a route without a declared access counts as `manage`. */
@Injectable()
export class AccessGuard implements CanActivate {
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
