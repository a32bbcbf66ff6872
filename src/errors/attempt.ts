/**
 * Calls foreign code and reports its errors and rejections to `onFailure`. Never throws, even if `onFailure` does, so that no error
 * of foreign code ends the process.
 *
 * @param call called at once; its result is a promise if it has a `then`
 */
export function attempt(call: () => unknown, onFailure: (thrown: unknown) => void): void {
  const fail = (thrown: unknown): void => {
    try {
      onFailure(thrown);
    } catch {
      // Errors of the error handler are dropped.
    }
  };
  try {
    const result = call();
    // A `then` that throws rejects as well.
    if (typeof result === 'object' && result !== null) {
      Promise.resolve(result).then(undefined, fail);
    }
  } catch (thrown) {
    fail(thrown);
  }
}
