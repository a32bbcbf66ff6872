import {
  type DynamicModule,
  Module,
  type Provider,
  type Type,
  SetMetadata,
  UseGuards,
} from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import type { RunnerRef } from '../runner-ref.js';
import { bindGateway, runnerGatewayPath } from '../websocket/socket-gateway.js';
import { declaredAccess } from '../auth/access.decorator.js';
import { handlersOf, replaceHandler } from '../compat/nest-handlers.js';
import { setOperationId } from '../compat/swagger.js';
import { AnswerGuard } from '../http/answer.guard.js';
import {
  CAN_MOVE,
  OPENS_ANYWHERE,
  TAKES_OVER,
  RUNNER_CONTROLLER,
  SESSION_OF,
  STREAMS_BODY,
} from '../http/runner-controller.decorator.js';
import {
  type BodyStreaming,
  RUNNER_ROUTE,
  type RunnerRoute,
  type SessionOf,
} from '../http/runner-route.js';

/** Metadata key of `RouteConfig()` in `@nestjs/platform-fastify`, an optional peer dependency. */
const FASTIFY_ROUTE_CONFIG = '__fastify_route_config__';

/**
 * Returns a runner's own subclass of a controller, whose handlers carry the {@link RunnerRoute} and are answered by the
 * {@link AnswerGuard}. Controllers of the host are returned unchanged.
 */
function ownController(controller: Type<unknown>, runner: RunnerRef): Type<unknown> {
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
      canMove: Reflect.hasMetadata(CAN_MOVE, handler.handle),
      takesOver: Reflect.hasMetadata(TAKES_OVER, handler.handle),
      opensAnywhere: Reflect.hasMetadata(OPENS_ANYWHERE, handler.handle),
      sessionOf: Reflect.getMetadata(SESSION_OF, handler.handle) as SessionOf | undefined,
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

/**
 * Returns a runner's own subclass of a module, of its controllers and of its gateways, injectable under the original classes. Nest
 * keeps paths by module class and servers by gateway path, so that one class could serve only one runner of an application.
 */
export function ownModule(definition: DynamicModule, runner: RunnerRef): DynamicModule {
  const { module, global, ...more } = definition;
  const all = <T>(key: keyof typeof more): T[] => [
    ...((Reflect.getMetadata(key, module) ?? []) as T[]),
    ...((more[key] ?? []) as T[]),
  ];
  const own = subclassOf(module);
  Module({
    imports: all(MODULE_METADATA.IMPORTS as 'imports'),
    controllers: all<Type<unknown>>('controllers').map((one) => ownController(one, runner)),
    providers: all<Provider>('providers').map((provider) => ownGateway(provider, runner)),
    exports: all('exports'),
  })(own);
  runner.modules.add(own);
  return { module: own, global };
}

/** Returns a runner's own subclass of a gateway; other providers unchanged. */
function ownGateway(provider: Provider, runner: RunnerRef): Provider {
  const token = typeof provider === 'function' ? provider : provider.provide;
  const gateway =
    typeof provider === 'function'
      ? provider
      : 'useClass' in provider
        ? provider.useClass
        : undefined;
  if (!gateway || runnerGatewayPath(gateway) === undefined) return provider;
  const own = subclassOf(gateway);
  bindGateway(own, runner);
  return { provide: token, useClass: own };
}

/** Returns an empty subclass with the same name, which inherits the metadata of decorators. */
function subclassOf(original: Type<unknown>): Type<object> {
  const subclass = class extends (original as Type<object>) {};
  Object.defineProperty(subclass, 'name', { value: original.name });
  return subclass;
}
