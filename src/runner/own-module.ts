import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import type { RunnerRef } from '../runner-ref.js';
import { bindGateway, runnerGatewayPath } from '../websocket/runner-gateway.decorator.js';
import { ownController } from './own-controller.js';
import { subclassOf } from './subclass.js';

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
