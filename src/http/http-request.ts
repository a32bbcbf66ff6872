import type { IncomingMessage } from 'node:http';

/** Common subset of Fastify's and Express' request that the runner reads. */
export interface HttpRequest {
  readonly headers: IncomingMessage['headers'];
  /** `http` or `https`, as determined by the framework's trust proxy setting. */
  readonly protocol: string;
  /** Host and port, as determined by the framework's trust proxy setting; absent in some HTTP/1.0 requests. */
  readonly host: string | undefined;
  /** Path and query as received. */
  readonly originalUrl: string;
  /** Express' mount path of the application, such as `/sub`; '' or `undefined` for none. */
  readonly baseUrl?: string;
  /** Path parameters of the route. */
  readonly params?: Readonly<Record<string, string | undefined>>;
  /** Fastify's underlying Node request. An Express request is one itself. */
  readonly raw?: IncomingMessage;
  /** Body parsed by the host's own parser or a serverless platform before the runner, and its raw bytes where they were kept. */
  readonly body?: unknown;
  readonly rawBody?: unknown;
  /** Matched route of Fastify. */
  readonly routeOptions?: { readonly url?: string };
  /** Matched route of Express. */
  readonly route?: { readonly path: string };
}

/** Host names, IPv4 and IPv6 addresses, with a port or without. */
const HOST = /^([\w.-]{1,255}|\[[\da-f:.]{2,45}\])(:\d{0,5})?$/i;

/** Refusal of another one. */
export const NO_HOST = 'The Host of the request is no host name or address.';

/** True for a `Host` that can be part of a URL, or none. */
export const isHost = (host: string | undefined): boolean => !host || HOST.test(host);

/** Method and headers of a request. */
export type HttpMessage = Pick<IncomingMessage, 'method' | 'headers'>;

/** Returns Node's request under the framework's. */
export function nodeRequest(request: HttpRequest): IncomingMessage {
  return request.raw ?? (request as unknown as IncomingMessage);
}

/** True for a safe method, whose requests have no body. */
export const isReading = ({ method }: Pick<IncomingMessage, 'method'>): boolean =>
  method === 'GET' || method === 'HEAD';

/** Returns the query parameters; the last one of several with the same name. */
export function queryOf({ originalUrl }: Pick<HttpRequest, 'originalUrl'>): Record<string, string> {
  const start = originalUrl.indexOf('?');
  return start === -1 ? {} : Object.fromEntries(new URLSearchParams(originalUrl.slice(start)));
}

/** Returns the path of the matched route, relative to the mount path, in the framework's syntax. */
export const routePathOf = ({ routeOptions, route }: HttpRequest): string =>
  routeOptions?.url ?? route?.path ?? '';

/**
 * Returns the part of the URL that a route's trailing wildcard matched: with a leading slash and the query, still encoded, wherever the route is
 * mounted.
 */
export function restOfUrl(request: HttpRequest): string {
  // Both lack the mount path, which the framework has removed.
  const url = nodeRequest(request).url ?? '';
  let at = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('://') + 3);
  for (const segment of routePathOf(request).split('/').slice(0, -1)) {
    if (segment === '') continue;
    while (url[at] === '/') at++;
    at = url.indexOf('/', at);
  }
  return at === -1 ? '' : url.slice(at);
}
