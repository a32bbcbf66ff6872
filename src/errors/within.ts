/**
 * Waits for a promise, but no longer than a time.
 * @param tooLong makes the error that it rejects with when the time is up
 */
export async function within<T>(
  timeoutMs: number,
  work: Promise<T>,
  tooLong: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLong()), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
