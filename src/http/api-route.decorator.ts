import { markOperation, type SwaggerOperation } from '../compat/swagger-metadata.js';
import type { RunnerErrorCode } from '../errors/runner.error.js';
import { apiFieldsOf } from '../validation/api-field.decorator.js';
import type { PlainClass } from '../validation/field-traits.js';
import { ErrorBody } from './dto/error-body.dto.js';
import { errorsByStatus } from './errors-by-status.js';

/** A schema that OpenAPI 3.0 and 3.1 read the same. */
export type ApiSchema = Readonly<Record<string, unknown>>;

/** What a body is: of a class whose fields are documented with `ApiField`, of one of several, or as a schema says. */
export type ApiType = PlainClass | readonly PlainClass[] | ApiSchema;

/** Bodies, by their media types. */
export type ApiContent = Readonly<Record<string, ApiType>>;

/** What there is to say of a route that its code does not say. */
export interface ApiRouteOptions {
  /** What it does, in a few words. */
  readonly summary: string;
  readonly description?: string;
  /** The parameters in its path, by name. */
  readonly params?: Readonly<
    Record<string, { readonly description: string; readonly enum?: readonly string[] }>
  >;
  /** The parameters in its query, by name. */
  readonly query?: Readonly<
    Record<string, { readonly description: string; readonly schema?: ApiSchema }>
  >;
  /** What is sent to it. It can be left out, unless a class says that it must have some fields. */
  readonly body?: ApiContent;
  /** What it answers when all is well, by status; `default` is any. */
  readonly answers: Readonly<
    Record<string, { readonly description: string; readonly content?: ApiContent }>
  >;
  /** What else it answers, beside what any route may answer to a body. */
  readonly errors?: readonly RunnerErrorCode[];
  /** Classes to describe that no schema here refers to. */
  readonly models?: readonly PlainClass[];
  /** Of a route whose methods or path `@nestjs/swagger` cannot describe in valid OpenAPI: `@All()` would have the method SEARCH, and `*` no name. */
  readonly notForSwagger?: boolean;
}

/** A body that is JSON. */
export const json = (type: ApiType): ApiContent => ({ 'application/json': type });

/**
 * Documents a route as the decorators of `@nestjs/swagger` do, for `/openapi.json` of the runner and for hosts that describe their application
 * with it.
 */
export function ApiRoute(options: ApiRouteOptions): MethodDecorator {
  return (_target, _key, descriptor) => {
    const handler = descriptor.value as object;
    Reflect.defineMetadata(ROUTE, options, handler);
    markOperation(operationOf(options), handler, options.notForSwagger);
  };
}

/** What {@link ApiRoute} says of a handler. */
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

/** Whether all bodies are of classes that must have some fields. */
const cannotBeLeftOut = (content: ApiContent): boolean =>
  Object.values(content).every(
    (type) => typeof type === 'function' && apiFieldsOf(type).some(([, field]) => field.required),
  );

/** It takes one class or schema for all media types. */
function bodyOf(content: ApiContent): object {
  const [type] = Object.values(content);
  // Without a type beside the schema it fails.
  return typeof type === 'function' ? { type } : { type: String, schema: schemaOf(type!) };
}

/** It takes one class, which is JSON, or else schemas. */
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

/** Whether it is one of several classes. */
const isUnion = (type: ApiType): type is readonly PlainClass[] => Array.isArray(type);
