/**
 * Calls what is not ours, or what nobody waits for. Whatever it throws, and whatever the promise it returns rejects with, goes to
 * `onFailure`. Neither this nor that can throw, so nothing of it ends the process.
 *
 * @param call what is called, at once; its result is a promise if it has a `then`
 */
export function attempt(call: () => unknown, onFailure: (thrown: unknown) => void): void {
  const fail = (thrown: unknown): void => {
    try {
      onFailure(thrown);
    } catch {
      // There is nobody left to tell.
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
