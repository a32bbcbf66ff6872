import type { Type } from '@nestjs/common';

/**
 * Identity of a runner, for its routes, gateways and providers. It is created with the module and so shared by all applications that
 * import it: state of one application is kept there, under this key.
 */
export interface RunnerRef {
  /** The `name` option of `RunnerModule`. */
  readonly name: string | undefined;
  /** The `path` option of `RunnerModule`, without slashes around it; '' for none. */
  readonly path: string;
  /** The `isGlobal` option of `RunnerModule`. */
  readonly isGlobal: boolean;
  /** Module classes of this runner. */
  readonly modules: Set<Type<unknown>>;
}

/** DI token of the {@link RunnerRef}. */
export const RUNNER_REF = Symbol('RUNNER_REF');
