import { RequestMethod } from '@nestjs/common';
import { getMetadataStorage } from 'class-validator';
import type { RunnerErrorCode } from '../errors/runner.error.js';
import type { ApiContent, ApiRouteOptions } from '../http/api-route.decorator.js';
import { ErrorBody } from '../http/dto/error-body.dto.js';
import { errorsByStatus } from '../http/errors-by-status.js';
import { apiFieldsOf } from '../validation/api-field.decorator.js';
import type { PlainClass } from '../validation/field-traits.js';
import { isClass } from '../validation/options.js';

type Schema = Readonly<Record<string, unknown>>;

/** OpenAPI document, the parts that are read. */
export interface OpenApiDocument {
  readonly paths: Record<string, Record<string, OpenApiOperation>>;
  readonly components: {
    readonly schemas: Record<string, { readonly properties?: Record<string, Schema> }>;
  };
}

/** Operation of the document. */
export interface OpenApiOperation {
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, object>>;
}

/** Documented route. */
export interface DocumentedRoute {
  readonly method: RequestMethod;
  /** Path from the root of the application. */
  readonly fullPath: string;
  /** Path relative to the document, or to {@link server}. */
  readonly path: string;
  /** Server of the path, relative to the document, where it differs. */
  readonly server?: string;
  readonly about: ApiRouteOptions;
  /** True for a route with a key, where keys are configured. */
  readonly needsKey: boolean;
}

/** Methods documented for `@All()` routes. */
const ALL_METHODS = ['get', 'post', 'put', 'patch', 'delete'];
/** Errors of reading any request body. */
const BODY_ERRORS: RunnerErrorCode[] = ['BAD_REQUEST', 'TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

const RETRY_AFTER = {
  'Retry-After': {
    description: 'Seconds until the next attempt.',
    schema: { type: 'integer' },
  },
};

const KEY = {
  type: 'http',
  scheme: 'bearer',
  description: 'A public or private key, where the runner has keys.',
};

const ERROR_CONTENT = {
  'application/json': { schema: { $ref: `#/components/schemas/${ErrorBody.name}` } },
};

/**
 * Converts the OpenAPI 3.0 document that `@nestjs/swagger` creates into the OpenAPI 3.1 document of a runner's routes: with relative paths, common
 * errors, and the rules of class-validator.
 * @param choices enums of fields, as `Class.field`, that are known only at run time
 */
export function runnerDocument(
  { paths, components: { schemas }, ...document }: OpenApiDocument,
  routes: readonly DocumentedRoute[],
  choices: Readonly<Record<string, readonly string[]>>,
): OpenApiDocument {
  const own: OpenApiDocument['paths'] = {};
  for (const route of routes) {
    const methods =
      route.method === RequestMethod.ALL
        ? ALL_METHODS
        : [RequestMethod[route.method].toLowerCase()];
    const template = templateOf(route.path);
    for (const method of methods) {
      const operation = paths[templateOf(route.fullPath)]?.[method];
      if (operation) (own[template] ??= {})[method] = describe(method, template, route, operation);
    }
  }
  for (const cls of classesOf(routes)) {
    const { properties = {} } = schemas[cls.name] ?? {};
    const rules = rulesOf(cls);
    for (const [name, schema] of Object.entries(properties)) {
      const choice = withoutUndefined({ enum: choices[`${cls.name}.${name}`] });
      properties[name] = refine(schema, { ...rules.get(name), ...choice });
    }
  }
  return {
    ...document,
    openapi: '3.1.0',
    // Relative to the document, and so valid behind any prefix and proxy.
    servers: [{ url: './' }],
    paths: own,
    components: { schemas, securitySchemes: { key: KEY } },
  } as OpenApiDocument;
}

/** Returns a path template such as `/sessions/{id}/{path}`. */
const templateOf = (path: string): string =>
  path.replace(/[:*](\w*)/g, (_, name) => `{${name || 'path'}}`) || '/';

function describe(
  method: string,
  path: string,
  { about: { answers, errors = [] }, needsKey, server }: DocumentedRoute,
  { requestBody, responses, ...operation }: OpenApiOperation,
): OpenApiOperation {
  const codes: RunnerErrorCode[] = [
    ...(method === 'get' ? [] : BODY_ERRORS),
    ...(needsKey ? (['UNAUTHORIZED'] as const) : []),
    ...errors,
  ];
  return {
    ...operation,
    operationId: operationId(method, path),
    ...(server !== undefined && { servers: [{ url: server }] }),
    // Without keys all routes are open.
    ...(needsKey && { security: [{ key: [] }, {}] }),
    ...(requestBody && method !== 'get' && { requestBody }),
    responses: {
      ...Object.fromEntries(Object.keys(answers).map((status) => [status, responses[status]!])),
      ...Object.fromEntries(
        errorsByStatus(codes).map(({ status, description, saysWhen }) => [
          status,
          { description, ...(saysWhen && { headers: RETRY_AFTER }), content: ERROR_CONTENT },
        ]),
      ),
    },
  } as OpenApiOperation;
}

/** Returns an operation id such as `postStart` or `getSessionsById`. */
function operationId(method: string, path: string): string {
  const words = path.replace(/\{(\w+)\}/g, 'by-$1').split(/[^A-Za-z0-9]+/);
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  return method + words.map(capital).join('');
}

/** Returns the classes of all bodies and of their fields. */
function classesOf(routes: readonly DocumentedRoute[]): Set<PlainClass> {
  const of = (content: ApiContent = {}): unknown[] => Object.values(content).flat();
  const types = routes.flatMap(({ about: { body, answers, models = [] } }) => [
    ...[...of(body), ...models],
    ...Object.values(answers).flatMap(({ content }) => of(content)),
  ]);
  const classes = new Set([...types.filter(isClass), ErrorBody] as PlainClass[]);
  // Iterating a set includes the items added meanwhile.
  for (const cls of classes) {
    for (const [, { type }] of apiFieldsOf(cls)) {
      // Same check as in @nestjs/swagger for a class or a lazy type.
      const field = isThunk(type) ? type() : type;
      if (isClass(field)) classes.add(field as PlainClass);
    }
  }
  return classes;
}

const isThunk = (type: unknown): type is () => unknown =>
  typeof type === 'function' && type.name === 'type';

/** JSON schema of class-validator's rules, by name. */
const RULES: Record<string, (limit: unknown) => Schema> = {
  isInt: () => ({ type: 'integer' }),
  min: (minimum) => ({ minimum }),
  max: (maximum) => ({ maximum }),
  minLength: (minLength) => ({ minLength }),
  isIn: (values) => ({ enum: values }),
  // `validateInto` treats `null` as absent.
  isOptional: () => ({ nullable: true }),
};

function rulesOf(cls: PlainClass): Map<string, Schema> {
  const rules = new Map<string, Schema>();
  const metadata = getMetadataStorage().getTargetValidationMetadatas(cls, '', false, false);
  for (const { name, propertyName, constraints } of metadata) {
    const rule = RULES[name ?? '']?.((constraints as unknown[] | undefined)?.[0]);
    if (rule) rules.set(propertyName, { ...rule, ...rules.get(propertyName) });
  }
  return rules;
}

/** Converts a field's schema to OpenAPI 3.1 and adds its rules. */
function refine(schema: Schema, rules: Schema): Schema {
  const { description, default: byDefault, example, nullable: isNullable, ...bare } = schema;
  const { nullable = isNullable, ...limits } = rules;
  const { allOf } = bare as { allOf?: readonly Schema[] };
  const { items, ...list } = bare as { items?: Schema };
  const type: Schema =
    allOf?.length === 1
      ? allOf[0]!
      : items
        ? { ...list, items: { ...items, ...limits } }
        : { ...bare, ...limits };
  return {
    ...(nullable ? { anyOf: [type, { type: 'null' }] } : type),
    description,
    ...withoutUndefined({
      default: byDefault,
      examples: example === undefined ? example : [example],
    }),
  };
}

const withoutUndefined = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
