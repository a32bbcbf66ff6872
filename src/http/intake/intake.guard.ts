import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { HttpRequest } from '../http-request.js';
import { nodeResponse } from '../http-response.js';
import { RunnerRequest } from '../runner-request.js';
import { runnerRouteOf } from '../runner-route.js';
import { RunnerIntake } from './runner-intake.js';

/** Intake guard: a request that the host's middleware has rerouted to the runner still passes the intake. */
@Injectable()
export class IntakeGuard implements CanActivate {
  constructor(
    private readonly intake: RunnerIntake,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  canActivate(context: ExecutionContext): true | Promise<true> {
    const http = context.switchToHttp();
    const request = RunnerRequest.of(http.getRequest<HttpRequest>());
    if (request.isReceived) return true;
    const response = http.getResponse<unknown>();
    const { httpAdapter } = this.adapterHost;
    return this.intake
      .receiveLate({
        route: runnerRouteOf(context.getHandler())!,
        request,
        reply: response,
        header: (name) => nodeResponse(response).getHeader(name),
        setHeader: (name, value) => void httpAdapter.setHeader(response, name, value),
        hostHasCors: () => false,
      })
      .then(() => true);
  }
}
