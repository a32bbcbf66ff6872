/** Combines abort signals until `forget` is called. `AbortSignal.any` would stay referenced by long-lived signals, such as an application's. */
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
