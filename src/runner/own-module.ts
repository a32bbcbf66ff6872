import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import type { RunnerRef } from '../runner-ref.js';
import { bindGateway, runnerGatewayPath } from '../websocket/runner-gateway.decorator.js';
import { ownController } from './own-controller.js';
import { subclassOf } from './subclass.js';

/**
 * A module as one runner has it for its own. Nest keeps the path of a module by its class, and shares the server of a gateway among all with
 * its path, so that of a class there could be one in an application: each runner gets a subclass of the module, of its controllers and of its
 * gateways, which are injected under the class they are of.
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

/** A provider as one runner has it: its own gateway, or else the same. */
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
