/** True for an allowed `Origin`. With a list, a missing one is refused. */
export function isOriginAllowed(
  origin: string | undefined,
  allowedOrigins: readonly string[],
): boolean {
  if (allowedOrigins.length === 0) return true;
  const given = origin?.toLowerCase();
  return allowedOrigins.some((allowed) => allowed.toLowerCase() === given);
}
