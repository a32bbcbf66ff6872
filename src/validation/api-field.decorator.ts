import { markProperty, propertiesOf } from '../compat/swagger-metadata.js';
import type { PlainClass } from './field-traits.js';

/** What the OpenAPI schema says of a field. */
export interface ApiFieldOptions {
  readonly description: string;
  /** @default true */
  readonly required?: boolean;
  /** The class of the field, or of a list's members, where reflection cannot tell. */
  readonly type?: unknown;
  readonly isArray?: boolean;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly additionalProperties?: boolean | Record<string, unknown>;
  readonly oneOf?: Record<string, unknown>[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
}

/** Documents a field for OpenAPI, as `@ApiProperty()` of `@nestjs/swagger` does. */
export const ApiField =
  (options: ApiFieldOptions): PropertyDecorator =>
  (target, key) =>
    markProperty(options, target, key);

/** The documented fields of a class and those it extends, by name. */
export const apiFieldsOf = (cls: PlainClass): [name: string, ApiFieldOptions][] =>
  propertiesOf(cls);
