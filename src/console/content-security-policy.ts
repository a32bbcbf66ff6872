import type { BrowserSources } from '../transports/runner-transport.js';

/** Nothing but a scheme, a host and a port: the host comes from a request's header. */
const WEB_SOCKET_ORIGIN = /^wss?:\/\/[\w.:[\]-]+$/i;

/**
 * What the page may load and connect to: itself, the runner, and what the transports on offer need.
 *
 * @param webSocketUrl where the runner's WebSockets are; for browsers older than 2022 it is not part of `'self'`
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
