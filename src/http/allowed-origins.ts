/** True if an `Origin` may call or connect; with a list, one that is missing may not. */
export function isOriginAllowed(
  origin: string | undefined,
  allowedOrigins: readonly string[],
): boolean {
  if (allowedOrigins.length === 0) return true;
  const given = origin?.toLowerCase();
  return allowedOrigins.some((allowed) => allowed.toLowerCase() === given);
}
