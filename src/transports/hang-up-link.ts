import type { RunnerArguments } from '../bot/runner-arguments.js';
import type { HangUpOutcome, MediaConnection } from '../media/media-connection.js';

/** Ends a call at its provider. Never rejects. */
export type HangUp = () => Promise<HangUpOutcome>;

const hangUps = new WeakMap<RunnerArguments, HangUp>();

/** Ties the way to end a call to the bot's arguments, which must not hold keys themselves. */
export function linkHangUp(args: RunnerArguments, hangUp: HangUp | undefined): void {
  if (hangUp) hangUps.set(args, hangUp);
}

export const hangUpOf = (args: RunnerArguments): HangUp | undefined => hangUps.get(args);

/** Puts a call through to somebody else, at its provider. Never rejects. */
export type Transfer = NonNullable<MediaConnection['transfer']>;

const transfers = new WeakMap<RunnerArguments, Transfer>();

/** Ties the way to transfer a call to the bot's arguments, likewise. */
export function linkTransfer(args: RunnerArguments, transfer: Transfer | undefined): void {
  if (transfer) transfers.set(args, transfer);
}

export const transferOf = (args: RunnerArguments): Transfer | undefined => transfers.get(args);
