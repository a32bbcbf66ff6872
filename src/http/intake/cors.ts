import type { ServerResponse } from 'node:http';
import { beforeHeaders } from '../../compat/before-headers.js';
import { isOriginAllowed } from '../allowed-origins.js';
import { isReading } from '../http-request.js';
import type { HttpMessage } from '../http-request.js';
import type { Exchange } from './exchange.js';

/** The headers of an answer that a page may read. */
const EXPOSED = 'X-Session-Id, Retry-After';
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const PREFLIGHT_MAX_AGE_SECONDS = '600';

/**
 * The CORS headers of answers: with `allowedOrigins` for those, whatever the host's own CORS says; without, what the host's CORS says, or else every
 * page.
 */
export class Cors {
  constructor(private readonly allowedOrigins: readonly string[]) {}

  /** Sets the headers of an answer. @returns whether the request is a preflight that the runner answers */
  apply(exchange: Exchange): boolean {
    const { request, response } = exchange;
    const preflight = isPreflight(request);
    if (this.allowedOrigins.length > 0) {
      beforeHeaders(response, () => this.allowListed(request, response));
      return preflight;
    }
    // What is cached for one who names no origin may be given to a page.
    if (request.headers.origin === undefined && !isReading(request)) return false;
    if (exchange.header('access-control-expose-headers') === undefined) {
      exchange.setHeader('access-control-expose-headers', EXPOSED);
    }
    if (this.isAnsweredByHost(exchange)) {
      if (preflight) beforeHeaders(response, () => allowOurMethods(response));
      return false;
    }
    // Without credentials: an open runner must not lend a visitor's cookies to every site.
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

/** True if a browser asks if a page may send what comes next. */
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

/** The host's answer to a preflight, whose methods are those of the host's own routes. */
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

/** The elements of a header that is a list. */
function listOf(value: unknown): string[] {
  const lines: unknown[] = [value].flat();
  return lines.flatMap((line) =>
    typeof line === 'string' ? line.split(',').flatMap((text) => text.trim() || []) : [],
  );
}
