import type { IncomingMessage } from 'node:http';

/** The little that Fastify's and Express' request have in common and the runner reads. */
export interface HttpRequest {
  readonly headers: IncomingMessage['headers'];
  /** `http` or `https`, as the framework sees it behind trusted proxies. */
  readonly protocol: string;
  /** Host and port, as the framework sees them behind trusted proxies; HTTP/1.0 may send none. */
  readonly host: string | undefined;
  /** Path and query as they arrived. */
  readonly originalUrl: string;
  /** Express' word for where the application is mounted in another one, such as `/sub`; '' or `undefined` for nowhere. */
  readonly baseUrl?: string;
  /** The values of the route's `:name` segments. */
  readonly params?: Readonly<Record<string, string | undefined>>;
  /** Fastify's way to Node's request; Express' request is one itself. */
  readonly raw?: IncomingMessage;
  /** What the host's own body parser, or a serverless platform, made of a body before the runner saw the request; and its bytes, where they were kept. */
  readonly body?: unknown;
  readonly rawBody?: unknown;
  /** Fastify's word for the route that was taken. */
  readonly routeOptions?: { readonly url?: string };
  /** Express' word for it. */
  readonly route?: { readonly path: string };
}

/** The head of a request. */
export type HttpMessage = Pick<IncomingMessage, 'method' | 'headers'>;

/** Node's own request under the framework's. */
export function nodeRequest(request: HttpRequest): IncomingMessage {
  return request.raw ?? (request as unknown as IncomingMessage);
}

/** True if a request changes nothing by itself, and so has no body. */
export const isReading = ({ method }: Pick<IncomingMessage, 'method'>): boolean =>
  method === 'GET' || method === 'HEAD';

/** The parameters behind the `?`; of several with one name the last. */
export function queryOf({ originalUrl }: Pick<HttpRequest, 'originalUrl'>): Record<string, string> {
  const start = originalUrl.indexOf('?');
  return start === -1 ? {} : Object.fromEntries(new URLSearchParams(originalUrl.slice(start)));
}

/** The path of the route that was taken, in the words of the framework: below where the application is mounted. */
export const routePathOf = ({ routeOptions, route }: HttpRequest): string =>
  routeOptions?.url ?? route?.path ?? '';

/**
 * What stands behind the last `/` of the path of a route that ends in an asterisk, with that slash and the query: as it came, whatever is encoded in it and
 * wherever the route was mounted.
 */
export function restOfUrl(request: HttpRequest): string {
  // What the framework has taken off for a mounted application is missing in both.
  const url = nodeRequest(request).url ?? '';
  let at = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('://') + 3);
  for (const segment of routePathOf(request).split('/').slice(0, -1)) {
    if (segment === '') continue;
    while (url[at] === '/') at++;
    at = url.indexOf('/', at);
  }
  return at === -1 ? '' : url.slice(at);
}
