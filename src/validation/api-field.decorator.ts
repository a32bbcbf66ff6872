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

/**
 * Documents a field for OpenAPI. Writes what `@nestjs/swagger` reads (its `ApiProperty`), so that the package is needed only
 * by hosts that serve a document with it.
 */
export function ApiField(options: ApiFieldOptions): PropertyDecorator {
  return (target, key) => {
    const fields = (Reflect.getMetadata(FIELDS, target) ?? []) as string[];
    Reflect.defineMetadata(FIELDS, [...fields, `:${String(key)}`], target);
    const type: unknown = Reflect.getMetadata('design:type', target, key);
    Reflect.defineMetadata(FIELD, { required: true, type, ...options }, target, key);
  };
}

/** The documented fields of a class and those it extends, by name. */
export function apiFieldsOf({ prototype }: PlainClass): [name: string, ApiFieldOptions][] {
  const fields = (Reflect.getMetadata(FIELDS, prototype as object) ?? []) as string[];
  return [...new Set(fields)].map((field) => {
    const name = field.slice(1);
    return [name, Reflect.getMetadata(FIELD, prototype as object, name) as ApiFieldOptions];
  });
}

const FIELDS = 'swagger/apiModelPropertiesArray';
const FIELD = 'swagger/apiModelProperties';
