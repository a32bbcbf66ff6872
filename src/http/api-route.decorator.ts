import { markOperation, type SwaggerOperation } from '../compat/swagger.js';
import type { RunnerErrorCode } from '../errors/runner.error.js';
import { apiFieldsOf } from '../validation/api-field.decorator.js';
import type { PlainClass } from '../validation/field-traits.js';
import { ErrorBody } from './dto/error-body.dto.js';
import { errorsByStatus } from './errors-by-status.js';

/** Schema that is valid in OpenAPI 3.0 and 3.1. */
export type ApiSchema = Readonly<Record<string, unknown>>;

/** Type of a body: a class documented with `ApiField`, one of several, or a schema. */
export type ApiType = PlainClass | readonly PlainClass[] | ApiSchema;

/** Bodies by media type. */
export type ApiContent = Readonly<Record<string, ApiType>>;

/** OpenAPI documentation of a route. */
export interface ApiRouteOptions {
  /** Short summary. */
  readonly summary: string;
  readonly description?: string;
  /** Path parameters, by name. */
  readonly params?: Readonly<
    Record<string, { readonly description: string; readonly enum?: readonly string[] }>
  >;
  /** Query parameters, by name. */
  readonly query?: Readonly<
    Record<string, { readonly description: string; readonly schema?: ApiSchema }>
  >;
  /** Request body. Optional, unless a class has required fields. */
  readonly body?: ApiContent;
  /** Success responses, by status; `default` is any. */
  readonly answers: Readonly<
    Record<string, { readonly description: string; readonly content?: ApiContent }>
  >;
  /** Errors of the route, beside those of any request body. */
  readonly errors?: readonly RunnerErrorCode[];
  /** Additional classes to describe, which no schema refers to. */
  readonly models?: readonly PlainClass[];
  /** True for a route that `@nestjs/swagger` cannot describe in valid OpenAPI: `@All()` has the method SEARCH, and `*` no name. */
  readonly notForSwagger?: boolean;
}

/** Content of type JSON. */
export const json = (type: ApiType): ApiContent => ({ 'application/json': type });

/** Documents a route like the decorators of `@nestjs/swagger`, for the runner's `/openapi.json` and for hosts that document their application. */
export function ApiRoute(options: ApiRouteOptions): MethodDecorator {
  return (_target, _key, descriptor) => {
    const handler = descriptor.value as object;
    Reflect.defineMetadata(ROUTE, options, handler);
    markOperation(operationOf(options), handler, options.notForSwagger);
  };
}

/** Returns the {@link ApiRoute} options of a handler. */
export const apiRouteOf = (handler: object): ApiRouteOptions | undefined =>
  Reflect.getMetadata(ROUTE, handler) as ApiRouteOptions | undefined;

const ROUTE = Symbol('ROUTE');

function operationOf(options: ApiRouteOptions): SwaggerOperation {
  const { summary, description, params = {}, query = {}, body, answers } = options;
  const { errors = [], models = [] } = options;
  const unions = Object.values(answers).flatMap(({ content = {} }) =>
    Object.values(content).filter(isUnion).flat(),
  );
  return {
    apiOperation: { summary, description },
    apiExtraModels: [...models, ...unions],
    apiConsumes: body && Object.keys(body),
    apiParameters: [
      ...Object.entries(params).map(([name, { description, enum: values }]) => ({
        in: 'path',
        name,
        description,
        required: true,
        schema: { type: 'string', ...(values && { enum: values }) },
      })),
      ...Object.entries(query).map(([name, { description, schema }]) => ({
        in: 'query',
        name,
        description,
        required: false,
        schema: schema ?? { type: 'string' },
      })),
      ...(body ? [{ in: 'body', required: cannotBeLeftOut(body), ...bodyOf(body) }] : []),
    ],
    apiResponse: Object.fromEntries([
      ...Object.entries(answers).map(([status, { description, content = {} }]) => [
        status,
        { description, ...answerOf(content) },
      ]),
      ...errorsByStatus(errors).map(({ status, description }) => [
        status,
        { description, type: ErrorBody },
      ]),
    ]) as object,
  };
}

/** True when each body is of a class with required fields. */
const cannotBeLeftOut = (content: ApiContent): boolean =>
  Object.values(content).every(
    (type) => typeof type === 'function' && apiFieldsOf(type).some(([, field]) => field.required),
  );

/** Converts a request body: `@ApiBody()` supports one class or schema for all media types. */
function bodyOf(content: ApiContent): object {
  const [type] = Object.values(content);
  // `@ApiBody()` fails without a type beside the schema.
  return typeof type === 'function' ? { type } : { type: String, schema: schemaOf(type!) };
}

/** Converts a response: `@ApiResponse()` supports one class, as JSON, or schemas. */
function answerOf(content: ApiContent): object {
  const type = content['application/json'];
  if (typeof type === 'function') return { type };
  const media = Object.entries(content).map(([name, one]) => [name, { schema: schemaOf(one) }]);
  return media.length > 0 ? { content: Object.fromEntries(media) as object } : {};
}

const schemaOf = (type: ApiType): unknown =>
  isUnion(type)
    ? { anyOf: type.map(({ name }) => ({ $ref: `#/components/schemas/${name}` })) }
    : type;

/** True for one of several classes. */
const isUnion = (type: ApiType): type is readonly PlainClass[] => Array.isArray(type);
