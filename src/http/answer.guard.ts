import type { ServerResponse } from 'node:http';
import { type CanActivate, type ExecutionContext, Injectable, Scope } from '@nestjs/common';
import { ContextIdFactory, HttpAdapterHost, ModuleRef } from '@nestjs/core';
import type { HttpRequest } from './http-request.js';
import { nodeResponse } from './http-response.js';
import { onClosed } from './on-closed.js';
import { RunnerRequest } from './runner-request.js';
import { type RunnerRoute, runnerRouteOf } from './runner-route.js';

/** A route's handler with its controller. */
interface Answerer {
  readonly route: RunnerRoute;
  readonly controller: object;
}

/**
 * Answers a request: calls the route's handler and sends its result. It is the last guard of each of the runner's routes, and so runs before
 * the host's interceptors and pipes, which can neither change nor delay the answer. Interceptors run afterwards, without effect.
 */
@Injectable()
export class AnswerGuard implements CanActivate {
  private readonly answerers = new Map<object, Answerer>();

  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  async canActivate(context: ExecutionContext): Promise<true> {
    const http = context.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    const response = http.getResponse<unknown>();
    const { httpAdapter } = this.adapterHost;
    const { route, controller } =
      this.answerers.get(context.getHandler()) ?? (await this.find(context, request));
    for (const { name, value } of route.headers) {
      httpAdapter.setHeader(response, name, typeof value === 'function' ? value() : value);
    }
    const body = await route.handle.apply(
      controller,
      route.argumentsFor(RunnerRequest.of(request), response),
    );
    // Without a body the handler sends the answer itself.
    if (body !== undefined) httpAdapter.reply(response, body, route.status);
    const { headersSent, destroyed } = nodeResponse(response);
    if (!headersSent && !destroyed) await sent(nodeResponse(response));
    return true;
  }

  /** Finds the controller: the singleton, unless an enhancer of the host makes it request-scoped. */
  private async find(context: ExecutionContext, request: HttpRequest): Promise<Answerer> {
    const route = runnerRouteOf(context.getHandler())!;
    const type = context.getClass<object>();
    if (this.moduleRef.introspect(type).scope === Scope.DEFAULT) {
      const answerer = { route, controller: this.moduleRef.get(type, { strict: false }) };
      this.answerers.set(context.getHandler(), answerer);
      return answerer;
    }
    const contextId = ContextIdFactory.getByRequest(request);
    return {
      route,
      controller: await this.moduleRef.resolve(type, contextId, { strict: false }),
    };
  }
}

/** Waits until the answer is sent, so that nothing of the host's can change it: Fastify hooks and streams are asynchronous. */
const sent = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => onClosed(response, resolve));
