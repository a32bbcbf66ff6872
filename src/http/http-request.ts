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
  /** The values of the route's `:name` segments. */
  readonly params?: Readonly<Record<string, string | undefined>>;
  /** Fastify's way to Node's request; Express' request is one itself. */
  readonly raw?: IncomingMessage;
}

/** Node's own request under the framework's. */
export function nodeRequest(request: HttpRequest): IncomingMessage {
  return request.raw ?? (request as unknown as IncomingMessage);
}

/** The parameters behind the `?`; of several with one name the last. */
export function queryOf({ originalUrl }: Pick<HttpRequest, 'originalUrl'>): Record<string, string> {
  const start = originalUrl.indexOf('?');
  return start === -1 ? {} : Object.fromEntries(new URLSearchParams(originalUrl.slice(start)));
}
