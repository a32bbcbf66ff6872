/** Hop-by-hop headers (RFC 9110, 7.6.1), and those that the next connection gets of its own. */
const OF_THE_CONNECTION = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings', 'content-length'],
  // Answered already.
  'expect',
]);

/** Returns true for a header, in lower case, that is not passed on. @param connection `Connection` header, whose options name further ones */
export function hopByHop(connection = ''): (name: string) => boolean {
  const nominated = new Set(connection.toLowerCase().split(/[\s,]+/));
  return (name) => OF_THE_CONNECTION.has(name) || nominated.has(name);
}
