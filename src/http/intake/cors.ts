import type { ServerResponse } from 'node:http';
import { beforeHeaders } from '../../compat/node-http.js';
import { isOriginAllowed } from '../allowed-origins.js';
import { isReading, type HttpMessage } from '../http-request.js';
import { nodeResponse } from '../http-response.js';
import type { Exchange } from './exchange.js';

/** Response headers that are exposed to pages. */
const EXPOSED = 'X-Session-Id, X-File-Upload-Url, Retry-After';
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const PREFLIGHT_MAX_AGE_SECONDS = '600';

/** CORS headers of answers. With `allowedOrigins` these decide, whatever the host's CORS allows; otherwise the host's CORS, or else any origin. */
export class Cors {
  constructor(private readonly allowedOrigins: readonly string[]) {}

  /** Sets the headers of an answer. @returns true for a preflight request that the runner answers */
  apply(exchange: Exchange): boolean {
    const { request } = exchange;
    const response = nodeResponse(exchange.reply);
    const preflight = isPreflight(request);
    if (this.allowedOrigins.length > 0) {
      beforeHeaders(response, () => this.allowListed(request, response));
      return preflight;
    }
    // A safe request gets them even without origin, since caches may reuse the answer for a page.
    if (request.headers.origin === undefined && !isReading(request)) return false;
    if (exchange.header('access-control-expose-headers') === undefined) {
      exchange.setHeader('access-control-expose-headers', EXPOSED);
    }
    if (this.isAnsweredByHost(exchange)) {
      if (preflight) beforeHeaders(response, () => allowOurMethods(response));
      return false;
    }
    // Without credentials: an open runner must not use a visitor's cookies for any site.
    exchange.setHeader('access-control-allow-origin', '*');
    if (preflight) allowAsked(request, response);
    return preflight;
  }

  private isAnsweredByHost(exchange: Exchange): boolean {
    return (
      exchange.header('access-control-allow-origin') !== undefined ||
      varies(exchange.header('vary')) ||
      exchange.hostHasCors()
    );
  }

  private allowListed(request: HttpMessage, response: ServerResponse): void {
    const { origin } = request.headers;
    if (!varies(response.getHeader('vary'))) response.appendHeader('vary', 'Origin');
    if (origin !== undefined && isOriginAllowed(origin, this.allowedOrigins)) {
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('access-control-allow-credentials', 'true');
      response.setHeader('access-control-expose-headers', EXPOSED);
      if (isPreflight(request)) allowAsked(request, response);
    } else {
      response.removeHeader('access-control-allow-origin');
      response.removeHeader('access-control-allow-credentials');
    }
  }
}

/** True for a CORS preflight request. */
export const isPreflight = ({ method, headers }: HttpMessage): boolean =>
  method === 'OPTIONS' &&
  headers.origin !== undefined &&
  headers['access-control-request-method'] !== undefined;

function allowAsked({ headers }: HttpMessage, response: ServerResponse): void {
  response.setHeader('access-control-allow-methods', METHODS.join(', '));
  const asked = headers['access-control-request-headers'];
  if (asked !== undefined) response.setHeader('access-control-allow-headers', asked);
  response.setHeader('access-control-max-age', PREFLIGHT_MAX_AGE_SECONDS);
}

/** Extends the host's answer to a preflight with the runner's methods. */
function allowOurMethods(response: ServerResponse): void {
  if (!response.hasHeader('access-control-allow-origin')) return;
  const allowed = listOf(response.getHeader('access-control-allow-methods'));
  response.setHeader(
    'access-control-allow-methods',
    [...new Set([...allowed, ...METHODS])].join(', '),
  );
}

const varies = (vary: unknown): boolean =>
  listOf(vary).some((name) => name === '*' || name.toLowerCase() === 'origin');

/** Returns the elements of a list header. */
function listOf(value: unknown): string[] {
  const lines: unknown[] = [value].flat();
  return lines.flatMap((line) =>
    typeof line === 'string' ? line.split(',').flatMap((text) => text.trim() || []) : [],
  );
}
