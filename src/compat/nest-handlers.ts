import { RequestMethod, Res, type Type } from '@nestjs/common';
import {
  HEADERS_METADATA,
  HTTP_CODE_METADATA,
  METHOD_METADATA,
  PATH_METADATA,
  RESPONSE_PASSTHROUGH_METADATA,
  ROUTE_ARGS_METADATA,
} from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { MetadataScanner } from '@nestjs/core';

/** Subset of a framework's request for calling a handler. */
export interface ParameterSource {
  readonly params?: Readonly<Record<string, string | undefined>>;
}

/** Controller method that handles a route, with its metadata. */
export interface NestHandler {
  readonly name: string;
  readonly handle: (...args: unknown[]) => unknown;
  readonly method: RequestMethod;
  /** Status of a returned answer. */
  readonly status: number;
  /** Response headers. */
  readonly headers: readonly { readonly name: string; readonly value: string | (() => string) }[];
  /** Returns the arguments of the handler. */
  readonly argumentsFor: (request: ParameterSource, response: unknown) => unknown[];
}

type Extract = (request: ParameterSource, response: unknown, data?: string) => unknown;

const EXTRACT: Partial<Record<number, Extract>> = {
  [RouteParamtypes.REQUEST]: (request) => request,
  [RouteParamtypes.RESPONSE]: (_request, response) => response,
  [RouteParamtypes.PARAM]: ({ params }, _response, data) =>
    data === undefined ? params : params?.[data],
};

/**
 * Returns the handlers of a controller.
 * @throws {TypeError} for a parameter other than `@Req()`, `@Res()` and `@Param()` without pipes
 */
export function handlersOf(controller: Type<unknown>): NestHandler[] {
  const prototype = controller.prototype as Record<string, NestHandler['handle']>;
  return new MetadataScanner().getAllMethodNames(prototype).flatMap((name) => {
    const handle = prototype[name]!;
    if (!Reflect.hasMetadata(PATH_METADATA, handle)) return [];
    const method = Reflect.getMetadata(METHOD_METADATA, handle) as RequestMethod;
    const byMethod = method === RequestMethod.POST ? 201 : 200;
    return {
      name,
      handle,
      method,
      status: (Reflect.getMetadata(HTTP_CODE_METADATA, handle) as number | undefined) ?? byMethod,
      headers: (Reflect.getMetadata(HEADERS_METADATA, handle) ?? []) as NestHandler['headers'],
      argumentsFor: argumentsFor(controller, name),
    };
  });
}

/**
 * Overrides a handler in a subclass, keeping its metadata except headers and parameters. The function receives the response, so Nest sends nothing by
 * itself.
 */
export function replaceHandler(
  subclass: Type<unknown>,
  { name, handle }: Pick<NestHandler, 'name' | 'handle'>,
  replacement: (response: unknown) => unknown,
): void {
  for (const key of Reflect.getMetadataKeys(handle) as unknown[]) {
    if (key === HEADERS_METADATA) continue;
    Reflect.defineMetadata(key, Reflect.getMetadata(key, handle), replacement);
  }
  Object.defineProperty(replacement, 'name', { value: name });
  const prototype = subclass.prototype as object;
  Object.defineProperty(prototype, name, {
    value: replacement,
    writable: true,
    configurable: true,
  });
  Reflect.defineMetadata(ROUTE_ARGS_METADATA, {}, subclass, name);
  Reflect.defineMetadata(RESPONSE_PASSTHROUGH_METADATA, false, subclass, name);
  Res()(prototype, name, 0);
}

/** Metadata of `@Req()` and other parameter decorators, by kind and index. */
type ArgumentsMetadata = Record<
  string,
  { readonly index: number; readonly data?: string; readonly pipes: readonly unknown[] }
>;

function argumentsFor(controller: Type<unknown>, name: string): NestHandler['argumentsFor'] {
  const metadata = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ??
    {}) as ArgumentsMetadata;
  const parameters = Object.entries(metadata).map(([key, { index, data, pipes }]) => {
    const extract = EXTRACT[Number(key.split(':', 1)[0])];
    if (!extract || pipes.length > 0) {
      throw new TypeError(
        `${controller.name}.${name} has a parameter that a route of the runner cannot have: use @Req(), @Res() or @Param(), without pipes.`,
      );
    }
    return { index, data, extract };
  });
  return (request, response) => {
    const args: unknown[] = [];
    for (const { index, data, extract } of parameters) {
      args[index] = extract(request, response, data);
    }
    return args;
  };
}
