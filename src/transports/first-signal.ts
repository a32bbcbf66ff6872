/**
 * Aborts with the first of the signals that does, until it forgets them: what `AbortSignal.any` makes stays with those that live on,
 * such as an application's own.
 */
export function firstSignal(...candidates: (AbortSignal | undefined)[]): {
  readonly signal: AbortSignal;
  readonly forget: () => void;
} {
  const signals = candidates.filter((signal) => signal !== undefined);
  const first = new AbortController();
  const follow = ({ target }: Pick<Event, 'target'>): void =>
    first.abort((target as AbortSignal).reason);
  for (const signal of signals) {
    signal.addEventListener('abort', follow);
    if (signal.aborted) follow({ target: signal });
  }
  return {
    signal: first.signal,
    forget: () => {
      for (const signal of signals) signal.removeEventListener('abort', follow);
    },
  };
}
