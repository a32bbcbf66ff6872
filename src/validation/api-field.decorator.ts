import { markProperty, propertiesOf } from '../compat/swagger.js';
import type { PlainClass } from './field-traits.js';

/** OpenAPI documentation of a field. */
export interface ApiFieldOptions {
  readonly description: string;
  /** @default true */
  readonly required?: boolean;
  /** Class of the field, or of a list's items, where reflection cannot tell. */
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

/** Documents a field for OpenAPI, like `@ApiProperty()` of `@nestjs/swagger`. */
export const ApiField =
  (options: ApiFieldOptions): PropertyDecorator =>
  (target, key) =>
    markProperty(options, target, key);

/** Returns the documented fields of a class and its ancestors, by name. */
export const apiFieldsOf = (cls: PlainClass): [name: string, ApiFieldOptions][] =>
  propertiesOf(cls);
