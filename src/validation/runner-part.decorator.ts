import type { Provider } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { InvalidOptionsError } from './options.js';

/** The lists of `RunnerModule.forRoot()` that take modules. */
export type PartsOption = 'transports' | 'features';

const OPTION = Symbol('RUNNER_PART_OPTION');
const PLACE = Symbol('RUNNER_PART_PLACE');

/** A module that works only in a list of `RunnerModule.forRoot()`. Anywhere else it refuses to start, and says where it belongs. */
export function RunnerPart(option: PartsOption): ClassDecorator {
  return (module) => {
    const providers = Reflect.getMetadata(MODULE_METADATA.PROVIDERS, module) as Provider[];
    const refusal = refusalOf(
      `${option} must have ${module.name} in it, which is imported elsewhere: RunnerModule.forRoot({ ${option}: [${module.name}.forRoot(…)] })`,
    );
    Reflect.defineMetadata(MODULE_METADATA.PROVIDERS, [refusal, ...providers], module);
    Reflect.defineMetadata(OPTION, option, module);
  };
}

/**
 * A provider for the head of a module's list: fails unless {@link IN_PLACE} replaces it. It has no dependencies, and so fails before the providers
 * that miss theirs do.
 */
export const refusalOf = (problem: string): Provider => ({
  provide: PLACE,
  useFactory: () => {
    throw new InvalidOptionsError('RunnerModule', [problem]);
  },
});

/** The provider that lets a module start where it is. */
export const IN_PLACE: Provider = { provide: PLACE, useValue: true };

/** The list that a module belongs into, where it says so. */
export const partsOptionOf = (module: object): PartsOption | undefined =>
  Reflect.getMetadata(OPTION, module) as PartsOption | undefined;
