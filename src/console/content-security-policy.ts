import type { BrowserSources } from '../transports/runner-transport.js';

/** Scheme, host and port only, because the host comes from a request header. */
const WEB_SOCKET_ORIGIN = /^wss?:\/\/[\w.:[\]-]+$/i;

/**
 * Returns the page's content security policy (CSP): the runner, and the sources of the enabled transports.
 *
 * @param webSocketUrl base URL of the runner's WebSockets, which browsers older than 2022 do not include in `'self'`
 */
export function contentSecurityPolicy(
  webSocketUrl: string,
  transports: readonly BrowserSources[],
): string {
  const origin = URL.canParse(webSocketUrl) ? new URL(webSocketUrl).origin : '';
  const policy: Record<string, string[]> = {
    'default-src': ["'none'"],
    'script-src': ["'self'"],
    'style-src': ["'self'"],
    'img-src': ["'self'"],
    'connect-src': ["'self'", ...(WEB_SOCKET_ORIGIN.test(origin) ? [origin] : [])],
    'worker-src': ["'self'"],
    'base-uri': ["'none'"],
    'form-action': ["'none'"],
    'frame-ancestors': ["'self'"],
  };
  for (const sources of transports) {
    for (const [directive, more] of Object.entries(sources)) policy[directive]!.push(...more);
  }
  return Object.entries(policy)
    .map(([directive, sources]) => `${directive} ${[...new Set(sources)].join(' ')}`)
    .join('; ');
}
