import type { Caller } from './carriers/carrier.js';
import { CARRIERS } from './carriers/index.js';
import { evalHarness } from './eval-harness.js';

/** Who may be at the other end of `/ws`, in the order in which a handshake is tried on them. */
export const CALLERS: readonly Caller[] = [...CARRIERS, evalHarness];

/** The caller of a wire name. */
export const callerNamed = (name: string | undefined): Caller | undefined =>
  CALLERS.find((caller) => caller.name === name);
