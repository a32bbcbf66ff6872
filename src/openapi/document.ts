import { RequestMethod } from '@nestjs/common';
import { getMetadataStorage } from 'class-validator';
import type { RunnerErrorCode } from '../errors/runner.error.js';
import type { ApiContent, ApiRouteOptions } from '../http/api-route.decorator.js';
import { ErrorBody } from '../http/dto/error-body.dto.js';
import { errorsByStatus } from '../http/errors-by-status.js';
import { apiFieldsOf } from '../validation/api-field.decorator.js';
import type { PlainClass } from '../validation/field-traits.js';
import { isClass, withoutUndefined } from '../validation/options.js';

type Schema = Readonly<Record<string, unknown>>;

/** An OpenAPI document, as far as it is looked into. */
export interface OpenApiDocument {
  readonly paths: Record<string, Record<string, OpenApiOperation>>;
  readonly components: {
    readonly schemas: Record<string, { readonly properties?: Record<string, Schema> }>;
  };
}

/** A route in the document. */
export interface OpenApiOperation {
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, object>>;
}

/** A route, and what was said of it. */
export interface DocumentedRoute {
  readonly method: RequestMethod;
  /** From the root of the application. */
  readonly fullPath: string;
  /** Seen from where the document is, or from {@link server}. */
  readonly path: string;
  /** Where the path begins, relative to the document, if it is elsewhere. */
  readonly server?: string;
  readonly about: ApiRouteOptions;
  /** Whether it takes a key, where there are keys. */
  readonly needsKey: boolean;
}

/** Of `@All()` routes. */
const ALL_METHODS = ['get', 'post', 'put', 'patch', 'delete'];
/** What the reading of a body may end in, before a route is asked. */
const BODY_ERRORS: RunnerErrorCode[] = ['BAD_REQUEST', 'TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

const RETRY_AFTER = {
  'Retry-After': {
    description: 'Seconds after which to try again.',
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
 * Turns the document that `@nestjs/swagger` makes of an application, in OpenAPI 3.0, into that of the routes of a runner, in OpenAPI 3.1: with the
 * paths relative to it, with what any route may answer, and with the rules of class-validator.
 * @param choices the values of fields, as `Class.field`, that are known only at run time
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
    // Relative to where the document is, and so right below any path and behind any proxy.
    servers: [{ url: './' }],
    paths: own,
    components: { schemas, securitySchemes: { key: KEY } },
  } as OpenApiDocument;
}

/** A path such as `/sessions/{id}/{path}`. */
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
    // Without keys everything is open.
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

/** Such as `postStart` and `getSessionsById`. */
function operationId(method: string, path: string): string {
  const words = path.replace(/\{(\w+)\}/g, 'by-$1').split(/[^A-Za-z0-9]+/);
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  return method + words.map(capital).join('');
}

/** The classes of all bodies, and of their fields. */
function classesOf(routes: readonly DocumentedRoute[]): Set<PlainClass> {
  const of = (content: ApiContent = {}): unknown[] => Object.values(content).flat();
  const types = routes.flatMap(({ about: { body, answers, models = [] } }) => [
    ...[...of(body), ...models],
    ...Object.values(answers).flatMap(({ content }) => of(content)),
  ]);
  const classes = new Set([...types.filter(isClass), ErrorBody] as PlainClass[]);
  // A set's loop goes on to what is added to it.
  for (const cls of classes) {
    for (const [, { type }] of apiFieldsOf(cls)) {
      // As @nestjs/swagger tells a class from a function that returns one.
      const field = isThunk(type) ? type() : type;
      if (isClass(field)) classes.add(field as PlainClass);
    }
  }
  return classes;
}

const isThunk = (type: unknown): type is () => unknown =>
  typeof type === 'function' && type.name === 'type';

/** What class-validator's rules mean in a schema, by their names. */
const RULES: Record<string, (limit: unknown) => Schema> = {
  isInt: () => ({ type: 'integer' }),
  min: (minimum) => ({ minimum }),
  max: (maximum) => ({ maximum }),
  minLength: (minLength) => ({ minLength }),
  isIn: (values) => ({ enum: values }),
  // What is read with validateInto may as well be null.
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

/** The schema of a field in the words of OpenAPI 3.1, with the rules for it. */
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
