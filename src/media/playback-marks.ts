import type { MediaConnection } from './media-connection.js';
import type { MarkOutcome } from './media-transport.events.js';

/** Limit of unconfirmed marks. Beyond it the oldest counts as played, because later ones were sent long ago. */
const MAX_MARKS = 1_000;

/** Marks whose audio was sent: confirmed by the peer, or else played when a local clock says so. */
export class PlaybackMarks {
  private readonly waiting = new Map<string, (outcome: MarkOutcome) => void>();
  private count = 0;

  /** @param onUnconfirmed called when the peer leaves too many marks unconfirmed */
  constructor(
    private readonly connection: Pick<MediaConnection, 'capabilities' | 'mark'>,
    private readonly onUnconfirmed: () => void,
  ) {}

  /** @param aheadMs time until the audio before the mark is played, where no peer confirms it */
  add(name: string, aheadMs: number, settle: (outcome: MarkOutcome) => void): void {
    // The number keeps marks of the same name apart.
    const id = `${++this.count}:${name}`;
    if (this.connection.capabilities.marks === 'confirmed') {
      this.waiting.set(id, settle);
      if (this.waiting.size > MAX_MARKS) {
        this.onUnconfirmed();
        this.settle(this.waiting.keys().next().value!, 'played');
      }
      this.connection.mark(id);
      return;
    }
    const timer = setTimeout(() => this.settle(id, 'played'), aheadMs);
    this.waiting.set(id, (outcome) => {
      clearTimeout(timer);
      settle(outcome);
    });
  }

  settle(id: string, outcome: MarkOutcome): void {
    this.waiting.get(id)?.(outcome);
    this.waiting.delete(id);
  }

  settleAll(outcome: MarkOutcome): void {
    for (const id of this.waiting.keys()) this.settle(id, outcome);
  }
}
