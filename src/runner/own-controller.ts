import { SetMetadata, type Type, UseGuards } from '@nestjs/common';
import { declaredAccess } from '../auth/access.js';
import { handlersOf, replaceHandler } from '../compat/nest-handlers.js';
import { setOperationId } from '../compat/swagger-metadata.js';
import { AnswerGuard } from '../http/answer.guard.js';
import { RUNNER_CONTROLLER, STREAMS_BODY } from '../http/runner-controller.decorator.js';
import { type BodyStreaming, RUNNER_ROUTE, type RunnerRoute } from '../http/runner-route.js';
import type { RunnerRef } from '../runner-ref.js';
import { subclassOf } from './subclass.js';

/** Metadata key of `RouteConfig()` in `@nestjs/platform-fastify`, an optional peer dependency. */
const FASTIFY_ROUTE_CONFIG = '__fastify_route_config__';

/**
 * Returns a runner's own subclass of a controller, whose handlers carry the {@link RunnerRoute} and are answered by the
 * {@link AnswerGuard}. Controllers of the host are returned unchanged.
 */
export function ownController(controller: Type<unknown>, runner: RunnerRef): Type<unknown> {
  if (!Reflect.getMetadata(RUNNER_CONTROLLER, controller)) return controller;
  const own = subclassOf(controller);
  for (const handler of handlersOf(controller)) {
    const access = declaredAccess(handler.handle, controller);
    const route: RunnerRoute = {
      ...handler,
      runner,
      controller,
      streamsBody: Reflect.getMetadata(STREAMS_BODY, handler.handle) as BodyStreaming | undefined,
      opensSessions: access === 'start' || access === 'webhook',
    };
    // Does nothing, because the guard has answered. Nest reads its parameters only.
    const replacement = (_response: unknown): void => undefined;
    replaceHandler(own, handler, replacement);
    const config = Reflect.getMetadata(FASTIFY_ROUTE_CONFIG, replacement) as object | undefined;
    SetMetadata(RUNNER_ROUTE, route)(replacement);
    SetMetadata(FASTIFY_ROUTE_CONFIG, { ...config, [RUNNER_ROUTE]: route })(replacement);
    if (runner.name !== undefined) {
      setOperationId(replacement, `${runner.name}_${controller.name}_${handler.name}`);
    }
    UseGuards(AnswerGuard)(own.prototype as object, handler.name, { value: replacement });
  }
  return own;
}
