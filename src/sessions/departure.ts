import { SessionEnd } from '../bot/session-end.js';

/** Explanation of a peer's leave: after the bot hung up or transferred the call, it counts as the bot's. */
export class Departure {
  private farewell: SessionEnd | undefined;
  private transfer: boolean | Promise<boolean> = false;

  /** Records that the bot hangs up, closes or has returned. The first reason counts. */
  leaves(reason: SessionEnd): void {
    this.farewell ??= reason;
  }

  /** Records a transfer and its outcome. */
  async whileTransferring(outcome: Promise<{ readonly ok: boolean }>): Promise<void> {
    const before = this.transfer === true;
    this.transfer = outcome.then(({ ok }) => (this.transfer = before || ok));
    await this.transfer;
  }

  /** Returns the outcome that decides whether the peer has left: of a transfer, for a hang-up by the caller; `undefined` without one. */
  deciding({ code }: SessionEnd): Promise<unknown> | undefined {
    return code === 'peer_left' && this.transfer instanceof Promise ? this.transfer : undefined;
  }

  /** Returns the true reason of an end. */
  explain(reason: SessionEnd): SessionEnd {
    if (this.transfer === true && (reason.code === 'peer_left' || reason.code === 'completed')) {
      return new SessionEnd('completed', 'The call was transferred.');
    }
    return reason.code === 'peer_left' ? (this.farewell ?? reason) : reason;
  }
}
