import type { IncomingMessage } from 'node:http';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { RunnerError } from '../errors/runner.error.js';
import { type HttpRequest, nodeRequest } from './http-request.js';

const MET = Symbol('MET');
type MaybeMet = IncomingMessage & { [MET]?: true };

/** Notes that the `HttpFront` has seen to a request. */
export function markMet(request: IncomingMessage): void {
  (request as MaybeMet)[MET] = true;
}

/**
 * Lets through what the `HttpFront` has met. Routers take more spellings of a path than there are (Express `/START`, Fastify `/st%61rt`), and
 * by one of them nobody may get around the limits, CORS and the body as it is signed.
 */
export class MetGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<HttpRequest>();
    if ((nodeRequest(request) as MaybeMet)[MET]) return true;
    throw new RunnerError('NOT_FOUND', 'The runner has no such route.');
  }
}
