import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import type { AbstractHttpAdapter, ApplicationConfig, ModulesContainer } from '@nestjs/core';

/**
 * Metadata keys of `@nestjs/swagger`, an optional peer dependency. Its own decorators would cost every process that loads an argument class, such as a
 * bot's, some 200 ms and 12 MB.
 */
const FIELDS = 'swagger/apiModelPropertiesArray';
const FIELD = 'swagger/apiModelProperties';
const OPERATION = 'swagger/apiOperation';

/** Switch that applies `@ApiExcludeEndpoint()`, shared by all handlers. */
const exclusion = { disable: true };

/** Metadata of an operation, by decorator. */
export interface SwaggerOperation {
  /** `@ApiOperation()` */
  readonly apiOperation: object;
  /** `@ApiExtraModels()` */
  readonly apiExtraModels: readonly object[];
  /** `@ApiConsumes()` */
  readonly apiConsumes?: readonly string[] | undefined;
  /** `@ApiParam()`, `@ApiQuery()` and `@ApiBody()` */
  readonly apiParameters: readonly object[];
  /** `@ApiResponse()`, by status */
  readonly apiResponse: object;
}

/** Same as `@ApiProperty()`. */
export function markProperty(options: object, target: object, key: string | symbol): void {
  const fields = (Reflect.getMetadata(FIELDS, target) ?? []) as string[];
  Reflect.defineMetadata(FIELDS, [...fields, `:${String(key)}`], target);
  const type: unknown = Reflect.getMetadata('design:type', target, key);
  Reflect.defineMetadata(FIELD, { required: true, type, ...options }, target, key);
}

/** Returns the `@ApiProperty()` metadata of a class and its ancestors, by name. */
export function propertiesOf<T>({ prototype }: { prototype: object }): [name: string, T][] {
  const fields = (Reflect.getMetadata(FIELDS, prototype) ?? []) as string[];
  return [...new Set(fields)].map((field) => {
    const name = field.slice(1);
    return [name, Reflect.getMetadata(FIELD, prototype, name) as T];
  });
}

/** Same as the decorators of an operation. @param isExcluded same as `@ApiExcludeEndpoint()` */
export function markOperation(
  operation: SwaggerOperation,
  handler: object,
  isExcluded = false,
): void {
  const metadata = { ...operation, ...(isExcluded && { apiExcludeEndpoint: exclusion }) };
  for (const [key, value] of Object.entries(metadata)) {
    if (value !== undefined) Reflect.defineMetadata(`swagger/${key}`, value, handler);
  }
}

/** Same as `@ApiOperation({ operationId })`, for an operation without one. */
export function setOperationId(handler: object, operationId: string): void {
  const operation = Reflect.getMetadata(OPERATION, handler) as object | undefined;
  if (operation) Reflect.defineMetadata(OPERATION, { ...operation, operationId }, handler);
}

/** Creates a document that includes the excluded handlers. */
function withExcluded<T>(make: () => T): T {
  exclusion.disable = false;
  try {
    return make();
  } finally {
    exclusion.disable = true;
  }
}

/** Used subset of `@nestjs/swagger`, an optional peer dependency. */
export interface Swagger {
  readonly SwaggerModule: { createDocument(app: never, config: never, options?: object): object };
}

/** Part of an application that `@nestjs/swagger` reads. Nest does not inject the application itself. */
export interface DescribedApplication {
  readonly modules: ModulesContainer;
  readonly config: ApplicationConfig;
  readonly httpAdapter: AbstractHttpAdapter;
}

/**
 * Creates the document of some modules of an application, including excluded handlers.
 * @param base document without its routes
 * @param options options of `SwaggerModule.createDocument()`
 */
export function documentOf<T extends object>(
  { SwaggerModule }: Swagger,
  { modules, config, httpAdapter }: DescribedApplication,
  isIncluded: (module: Type<unknown>) => boolean,
  base: object,
  options: object,
): T {
  const included = [...modules].filter(([, { metatype }]) => isIncluded(metatype));
  const { applicationId } = modules;
  const container = { getModules: () => Object.assign(new Map(included), { applicationId }) };
  const app = { container, config, getHttpAdapter: () => httpAdapter };
  return withExcluded(() =>
    SwaggerModule.createDocument(app as never, base as never, options),
  ) as T;
}
