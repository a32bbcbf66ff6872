import type { Provider } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { InvalidOptionsError } from './options.js';

/** Options of `RunnerModule.forRoot()` that list modules. */
export type PartsOption = 'transports' | 'features';

const OPTION = Symbol('RUNNER_PART_OPTION');
const PLACE = Symbol('RUNNER_PART_PLACE');

/** Restricts a module to a list of `RunnerModule.forRoot()`. Elsewhere the start fails and names the right list. */
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
 * Guard provider at the head of a module: throws unless {@link IN_PLACE} replaces it. It has no dependencies, and so fails before providers with missing
 * ones do.
 */
export const refusalOf = (problem: string): Provider => ({
  provide: PLACE,
  useFactory: () => {
    throw new InvalidOptionsError('RunnerModule', [problem]);
  },
});

/** Provider that permits a module to start. */
export const IN_PLACE: Provider = { provide: PLACE, useValue: true };

/** Returns the list that a module belongs to, if it declares one. */
export const partsOptionOf = (module: object): PartsOption | undefined =>
  Reflect.getMetadata(OPTION, module) as PartsOption | undefined;
