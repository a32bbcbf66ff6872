import 'reflect-metadata';
/**
 * The metadata of `@nestjs/swagger`, an optional peer, as its decorators leave it. They themselves would cost every process that loads a class of
 * runner arguments, such as that of a bot, some 200 ms and 12 MB.
 */
const FIELDS = 'swagger/apiModelPropertiesArray';
const FIELD = 'swagger/apiModelProperties';
const OPERATION = 'swagger/apiOperation';

/** Whether the handlers that no document is to have are left out. */
const exclusion = { disable: true };

/** The metadata of an operation, by the decorators that leave it. */
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

/** Does as `@ApiProperty()`. */
export function markProperty(options: object, target: object, key: string | symbol): void {
  const fields = (Reflect.getMetadata(FIELDS, target) ?? []) as string[];
  Reflect.defineMetadata(FIELDS, [...fields, `:${String(key)}`], target);
  const type: unknown = Reflect.getMetadata('design:type', target, key);
  Reflect.defineMetadata(FIELD, { required: true, type, ...options }, target, key);
}

/** What `@ApiProperty()` says of the fields of a class and those it extends, by name. */
export function propertiesOf<T>({ prototype }: { prototype: object }): [name: string, T][] {
  const fields = (Reflect.getMetadata(FIELDS, prototype) ?? []) as string[];
  return [...new Set(fields)].map((field) => {
    const name = field.slice(1);
    return [name, Reflect.getMetadata(FIELD, prototype, name) as T];
  });
}

/** Does as the decorators of an operation. @param isExcluded as `@ApiExcludeEndpoint()` */
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

/** Does as `@ApiOperation({ operationId })` for an operation that has one. */
export function setOperationId(handler: object, operationId: string): void {
  const operation = Reflect.getMetadata(OPERATION, handler) as object | undefined;
  if (operation) Reflect.defineMetadata(OPERATION, { ...operation, operationId }, handler);
}

/** Makes a document with what is excluded elsewhere. */
export function withExcluded<T>(make: () => T): T {
  exclusion.disable = false;
  try {
    return make();
  } finally {
    exclusion.disable = true;
  }
}
