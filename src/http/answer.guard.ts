import type { ServerResponse } from 'node:http';
import {
  type CanActivate,
  type ExecutionContext,
  Injectable,
  Scope,
  type Type,
} from '@nestjs/common';
import { ContextIdFactory, HttpAdapterHost, ModuleRef } from '@nestjs/core';
import type { HttpRequest } from './http-request.js';
import { nodeResponse } from './http-response.js';
import { runnerRouteOf } from './runner-route.js';

/**
 * Answers a request: calls the handler of the route and sends what it returns. It is the last guard of each route of the runner, and so comes
 * before the host's interceptors and pipes, which can neither change nor delay the answer. Interceptors run afterwards, over nothing.
 */
@Injectable()
export class AnswerGuard implements CanActivate {
  private readonly controllers = new Map<Type<unknown>, object>();

  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  async canActivate(context: ExecutionContext): Promise<true> {
    const http = context.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    const response = http.getResponse<unknown>();
    const { httpAdapter } = this.adapterHost;
    const { handle, argumentsFor, headers, status } = runnerRouteOf(context.getHandler())!;
    const controller =
      this.controllers.get(context.getClass()) ??
      (await this.findController(context.getClass(), request));
    for (const { name, value } of headers) {
      httpAdapter.setHeader(response, name, typeof value === 'function' ? value() : value);
    }
    const body = await handle.apply(controller, argumentsFor(request, response));
    // Otherwise the handler sends it.
    if (body !== undefined) httpAdapter.reply(response, body, status);
    await whenSent(nodeResponse(response));
    return true;
  }

  /** One instance serves all requests, unless an enhancer of the host is made for each request, and the controllers with it. */
  private async findController(type: Type<unknown>, request: HttpRequest): Promise<object> {
    if (this.moduleRef.introspect(type).scope === Scope.DEFAULT) {
      const controller = this.moduleRef.get<object>(type, { strict: false });
      this.controllers.set(type, controller);
      return controller;
    }
    const contextId = ContextIdFactory.getByRequest(request);
    return this.moduleRef.resolve<object>(type, contextId, { strict: false });
  }
}

/** Nothing of the host's may run before, for it could still change the answer: a hook of Fastify's or a stream may take its time. */
function whenSent(response: ServerResponse): Promise<void> | undefined {
  if (response.headersSent || response.destroyed) return undefined;
  return new Promise((resolve) => response.once('close', () => resolve()));
}
