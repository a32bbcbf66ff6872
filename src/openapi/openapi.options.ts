import { checkOptions, text } from '../validation/options.js';

/** Options of {@link OpenApiModule}. */
export interface OpenApiOptions {
  /** @default 'Pipecat runner' */
  title?: string;
  /** @default this package's */
  version?: string;
}

/** DI token of the {@link OpenApiOptions}. */
export const OPENAPI_OPTIONS = Symbol('OPENAPI_OPTIONS');

/** @throws {InvalidOptionsError} */
export function checkOpenApiOptions(options: OpenApiOptions): OpenApiOptions {
  checkOptions('OpenApiModule', options, { title: text, version: text });
  return options;
}
