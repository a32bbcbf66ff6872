import { IsText } from '../validation/option.decorators.js';
import { resolveOptions } from '../validation/options.js';

/** Options of {@link OpenApiModule}. */
export class OpenApiOptions {
  /** @default 'Pipecat runner' */
  @IsText()
  title?: string;
  /** @default this package's */
  @IsText()
  version?: string;
}

/** DI token of the {@link OpenApiOptions}. */
export const OPENAPI_OPTIONS = Symbol('OPENAPI_OPTIONS');

/** @throws {InvalidOptionsError} */
export const resolveOpenApiOptions = (options: OpenApiOptions): OpenApiOptions =>
  resolveOptions('OpenApiModule', new OpenApiOptions(), options);
