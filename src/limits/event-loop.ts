/**
 * Record of who holds the event loop. A process has one, so it is kept here once, for all runners: two readings of the clock for each call of a bot,
 * and nothing is allocated. What a bot's timers and promises do later is no such call.
 */

/** A session whose bot is called. */
export interface LoopUser {
  readonly id: string;
}

/** A time in which nothing else had a turn. */
export interface HeldLoop {
  readonly ms: number;
  /** The bot that was called, or the last one called before. */
  readonly user: LoopUser | undefined;
  /** True when `user` did not return for that long; otherwise it may as well have been others. */
  readonly isCertain: boolean;
}

/** Is told of held loops. Must not throw. */
export interface LoopWatcher {
  /** Shortest time that it is told of, in milliseconds. */
  readonly warnMs: number;
  held(held: HeldLoop): void;
}

/** Interval of the beat, in milliseconds: a loop that is not held has a turn at least that often. */
export const BEAT_MS = 50;

const watchers = new Set<LoopWatcher>();
let beat: NodeJS.Timeout | undefined;
/** Shortest time that anybody is told of. */
let warnMs = Infinity;
/** The bot that is being called. */
let current: LoopUser | undefined;
/** The bot that was called last, since the last beat. */
let last: LoopUser | undefined;
/** The last reading of the clock, in milliseconds. */
let lastMs = 0;

/** Starts to watch. @returns stops it */
export function watchLoop(watcher: LoopWatcher): () => void {
  watchers.add(watcher);
  update();
  return () => {
    watchers.delete(watcher);
    update();
  };
}

/**
 * Begins a call of a bot, to be followed by {@link leaveBot} with the result.
 * @returns false for a call within another, which counts, and when nobody watches
 */
export function enterBot(user: LoopUser | undefined): boolean {
  if (current !== undefined || user === undefined || warnMs === Infinity) return false;
  look();
  current = user;
  return true;
}

/** Ends a call of a bot, also one that threw. */
export function leaveBot(entered: boolean): void {
  if (!entered) return;
  const user = current;
  const nowMs = performance.now();
  const ms = nowMs - lastMs;
  current = undefined;
  last = user;
  lastMs = nowMs;
  if (ms >= warnMs) tell({ ms, user, isCertain: true });
}

/** Calls a bot, with the record of it. */
export function callBot<T>(user: LoopUser | undefined, call: () => T): T {
  const entered = enterBot(user);
  try {
    return call();
  } finally {
    leaveBot(entered);
  }
}

/** Looks for a time without beat and calls. Up to a beat of it may have been idle. */
function look(): void {
  const nowMs = performance.now();
  const ms = nowMs - lastMs - BEAT_MS;
  const user = last;
  lastMs = nowMs;
  if (ms >= warnMs) tell({ ms, user, isCertain: false });
}

function update(): void {
  warnMs = Math.min(...[...watchers].map((watcher) => watcher.warnMs));
  if (warnMs === Infinity) {
    clearInterval(beat);
    beat = last = undefined;
  } else if (!beat) {
    lastMs = performance.now();
    beat = setInterval(() => {
      look();
      last = undefined;
    }, BEAT_MS).unref();
  }
}

function tell(held: HeldLoop): void {
  for (const watcher of watchers) if (held.ms >= watcher.warnMs) watcher.held(held);
}
