import { ConfigurableModuleBuilder, type DynamicModule, Module } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { getAuthToken, RunnerAuth } from './auth/runner-auth.js';
import { coreModule } from './runner-core.module.js';
import { ownModule } from './runner/own-module.js';
import { getRunnerToken, Runner } from './runner/runner.js';
import {
  checkAsyncOptions,
  EXTRAS,
  resolveExtras,
  type RunnerModuleExtras,
} from './runner-module.options.js';
import type { RunnerOptions } from './runner.options.js';
import type { RunnerRef } from './runner-ref.js';
import { InvalidOptionsError, kindOf } from './validation/options.js';
import { IN_PLACE, refusalOf } from './validation/runner-part.decorator.js';
import { SessionApiModule } from './sessions/session-api.controller.js';
import './errors/nest-log.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<RunnerOptions>({
    moduleName: 'Runner',
  })
    .setClassMethodName('forRoot')
    .setExtras<RunnerModuleExtras>(
      // Nest distinguishes extras from options by these keys.
      Object.fromEntries(EXTRAS.map((name) => [name, undefined])),
      (definition, extras) => compose(definition, extras),
    )
    .build();

const BARE =
  'imports must have RunnerModule.forRoot({ launcher: MyBot, transports: [WebSocketModule.forRoot()] }), not RunnerModule itself; ' +
  'where other modules inject what it exports, set isGlobal: true there';

/**
 * Runs voice bots inside a Nest application.
 *
 * @example
 * ```ts
 * RunnerModule.forRoot({ launcher: SupportBot, transports: [WebSocketModule.forRoot()] })
 * ```
 */
@Module({ providers: [refusalOf(BARE)] })
export class RunnerModule extends ConfigurableModuleClass {
  /** @throws {InvalidOptionsError} naming every invalid option that can be detected before the application starts */
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0]) {
    refuseNoOptions('forRoot({ launcher: MyBot, transports: [ … ] })', options);
    return super.forRoot(options);
  }

  /** @throws {InvalidOptionsError} as {@link forRoot} does */
  static override forRootAsync(
    options: Parameters<typeof ConfigurableModuleClass.forRootAsync>[0],
  ) {
    const call = 'forRootAsync({ launcher: MyBot, transports: [ … ], useFactory: () => ({ … }) })';
    refuseNoOptions(call, options);
    if (!options.useFactory && !options.useClass && !options.useExisting) {
      throw new InvalidOptionsError('RunnerModule', [
        `useFactory, useClass or useExisting must say where the options come from: ${call}`,
      ]);
    }
    checkAsyncOptions(options);
    return super.forRootAsync(options);
  }
}

function refuseNoOptions(call: string, options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw new InvalidOptionsError('RunnerModule', [
    `the options must be an object, not ${kindOf(options)}: RunnerModule.${call}`,
  ]);
}

function compose(definition: DynamicModule, given: RunnerModuleExtras): DynamicModule {
  const extras = resolveExtras({ ...given, imports: given.imports ?? definition.imports });
  const path = extras.path.replace(/^\/+|\/+$/g, '');
  const { name, isGlobal } = extras;
  const runner: RunnerRef = { name, path, isGlobal, modules: new Set() };
  const core = coreModule(definition, extras, runner, MODULE_OPTIONS_TOKEN);
  const modules = [
    core,
    ...distinct([...extras.transports, ...extras.features]).map((module) =>
      ownModule(
        {
          ...module,
          imports: [...(module.imports ?? []), core],
          providers: [...(module.providers ?? []), IN_PLACE],
        },
        runner,
      ),
    ),
    ownModule({ module: SessionApiModule, imports: [core] }, runner),
  ];
  const token = getRunnerToken(name);
  return {
    module: definition.module,
    global: runner.isGlobal,
    imports: [
      ...(path ? [RouterModule.register(modules.map(({ module }) => ({ path, module })))] : []),
      ...modules,
    ],
    providers: [
      IN_PLACE,
      { provide: token, useClass: Runner },
      ...(name === undefined ? [] : [{ provide: getAuthToken(name), useExisting: RunnerAuth }]),
    ],
    // The other providers of a named runner are not exported, because they would collide with another runner's.
    exports: [token, ...(name === undefined ? modules : [getAuthToken(name)])],
  };
}

/** Refuses a module class that is given twice: both would serve the same paths. */
function distinct(modules: DynamicModule[]): DynamicModule[] {
  const classes = modules.map(({ module }) => module);
  const twice = classes.find((one, i) => classes.indexOf(one) < i);
  if (!twice) return modules;
  throw new InvalidOptionsError('RunnerModule', [
    `transports and features must not have ${twice.name} twice: give RunnerModule a second time, with another path`,
  ]);
}
