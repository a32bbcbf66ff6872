import { RequestMethod } from '@nestjs/common';
import type { RunnerErrorCode } from '../errors/runner.error.js';
import { type ApiContent, type ApiRouteOptions, json } from '../http/api-route.decorator.js';
import { ErrorBody } from '../http/dto/error-body.dto.js';
import { errorsByStatus } from '../http/errors-by-status.js';
import { SchemaBook } from './schema-book.js';

/** What an OpenAPI 3.1 document has, as far as it is made here. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: OpenApiInfo;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Record<string, Record<string, OpenApiOperation>>;
  readonly components: {
    readonly schemas: Record<string, Record<string, unknown>>;
    readonly securitySchemes: Record<string, object>;
  };
}

/** What the document is called. */
export interface OpenApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
}

/** A route in the document. */
export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: OpenApiContent };
  readonly responses: Record<string, OpenApiResponse>;
  readonly servers?: readonly { readonly url: string }[];
  readonly security?: readonly object[];
}

export interface OpenApiParameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly description: string;
  readonly schema: object;
}

export interface OpenApiResponse {
  readonly description: string;
  readonly headers?: object;
  readonly content?: OpenApiContent;
}

export type OpenApiContent = Record<string, { readonly schema: Record<string, unknown> }>;

/** A route, and what was said of it. */
export interface DocumentedRoute {
  readonly method: RequestMethod;
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
  headers: {
    'Retry-After': {
      description: 'Seconds after which to try again.',
      schema: { type: 'integer' },
    },
  },
};

const KEY = {
  type: 'http',
  scheme: 'bearer',
  description: 'A public or private key, where the runner has keys.',
};

/** Describes routes in OpenAPI 3.1. */
export function describeRoutes(
  routes: readonly DocumentedRoute[],
  info: OpenApiInfo,
  book = new SchemaBook(),
): OpenApiDocument {
  const paths: OpenApiDocument['paths'] = {};
  for (const route of routes) {
    const { method, path, about } = route;
    const template = path.replace(/[:*](\w*)/g, (_, name) => `{${name || 'path'}}`) || '/';
    const methods =
      method === RequestMethod.ALL ? ALL_METHODS : [RequestMethod[method].toLowerCase()];
    for (const one of methods) {
      (paths[template] ??= {})[one] = describe(one, template, route, book);
    }
    for (const model of about.models ?? []) book.of(model);
  }
  return {
    openapi: '3.1.0',
    info,
    // Relative to where the document is, and so right below any path and behind any proxy.
    servers: [{ url: './' }],
    paths,
    components: { schemas: book.schemas, securitySchemes: { key: KEY } },
  };
}

function describe(
  method: string,
  path: string,
  { about, needsKey, server }: DocumentedRoute,
  book: SchemaBook,
): OpenApiOperation {
  const { summary, description, body, answers, errors = [] } = about;
  const parameters = parametersOf(path, about);
  const content = (types: ApiContent): OpenApiContent =>
    Object.fromEntries(Object.entries(types).map(([type, of]) => [type, { schema: book.of(of) }]));
  const good = Object.entries(answers).map(([status, { description, content: types }]) => [
    status,
    { description, ...(types && { content: content(types) }) },
  ]);
  const codes: RunnerErrorCode[] = [
    ...(method === 'get' ? [] : BODY_ERRORS),
    ...(needsKey ? (['UNAUTHORIZED'] as const) : []),
    ...errors,
  ];
  return {
    operationId: operationId(method, path),
    summary,
    ...(description !== undefined && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...(server !== undefined && { servers: [{ url: server }] }),
    // Without keys everything is open.
    ...(needsKey && { security: [{ key: [] }, {}] }),
    ...(body &&
      method !== 'get' && { requestBody: { required: book.needs(body), content: content(body) } }),
    responses: {
      ...(Object.fromEntries(good) as Record<string, OpenApiResponse>),
      ...Object.fromEntries(
        errorsByStatus(codes).map(({ status, description, saysWhen }) => [
          status,
          { description, ...(saysWhen && RETRY_AFTER), content: content(json(ErrorBody)) },
        ]),
      ),
    },
  };
}

function parametersOf(
  path: string,
  { params = {}, query = {} }: ApiRouteOptions,
): OpenApiParameter[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  return [
    ...inPath.map((name) => {
      const { description = '', enum: values } = params[name] ?? {};
      const schema = { type: 'string', ...(values && { enum: values }) };
      return { name, in: 'path', required: true, description, schema };
    }),
    ...Object.entries(query).map(([name, { description, schema = { type: 'string' } }]) => ({
      name,
      in: 'query',
      required: false,
      description,
      schema,
    })),
  ];
}

/** Such as `postStart` and `getSessionsById`. */
function operationId(method: string, path: string): string {
  const words = path.replace(/\{(\w+)\}/g, 'by-$1').split(/[^A-Za-z0-9]+/);
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  return method + words.map(capital).join('');
}
