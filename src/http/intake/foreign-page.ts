import { isOriginAllowed } from '../allowed-origins.js';
import type { HttpRequest } from '../http-request.js';
import type { ResolvedRunnerOptions } from '../../runner.options.js';
import { mediaTypeOf } from '../request-body.js';

/**
 * True when a browser sends a request for a page of another origin without a CORS preflight (a simple request). JSON or a key in a header would have
 * required one, which {@link Cors} answers.
 */
export function isOfForeignPage(
  { headers, host }: HttpRequest,
  { allowedOrigins, publicUrl }: Pick<ResolvedRunnerOptions, 'allowedOrigins' | 'publicUrl'>,
): boolean {
  const { origin } = headers;
  const isForeign =
    origin === undefined
      ? headers['sec-fetch-site'] === 'cross-site'
      : (allowedOrigins.length === 0 || !isOriginAllowed(origin, allowedOrigins)) &&
        !isOrigin(origin, [host, headers.host, headers['x-forwarded-host'], publicUrl].flat());
  if (!isForeign) return false;
  const type = mediaTypeOf(headers);
  return (
    type !== 'application/json' && !type.endsWith('+json') && headers.authorization === undefined
  );
}

/** True if an origin is one of these hosts, whatever the scheme, since a proxy may end TLS. Pages cannot set these headers. */
function isOrigin(origin: string, hosts: readonly (string | undefined)[]): boolean {
  const own = hostOf(origin);
  return own !== undefined && hosts.some((host) => host !== undefined && hostOf(host) === own);
}

/** Returns host and port of an origin, a URL or a `Host` header, without default ports. */
function hostOf(text: string): string | undefined {
  const [first = ''] = text.split(',', 1);
  const url = first.includes('://') ? first.trim() : `http://${first.trim()}`;
  if (!URL.canParse(url)) return undefined;
  const { hostname, port } = new URL(url);
  return port === '' || port === '80' || port === '443' ? hostname : `${hostname}:${port}`;
}
