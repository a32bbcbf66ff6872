import type { Type } from '@nestjs/common';

/**
 * A runner as its routes, gateways and providers refer to it. It is made together with the module, and so is the same in every application
 * that imports this module: whatever belongs to one application is kept there, by this.
 */
export interface RunnerRef {
  /** The `name` option of `RunnerModule`. */
  readonly name: string | undefined;
  /** The `path` option of `RunnerModule`, without slashes around it; '' for none. */
  readonly path: string;
  /** The `isGlobal` option of `RunnerModule`. */
  readonly isGlobal: boolean;
  /** The modules that are this runner's own. */
  readonly modules: Set<Type<unknown>>;
}

/** DI token of the {@link RunnerRef}. */
export const RUNNER_REF = Symbol('RUNNER_REF');
