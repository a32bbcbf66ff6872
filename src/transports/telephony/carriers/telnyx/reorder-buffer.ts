/** Most frames that wait for an earlier one: 60 ms of audio. */
const MAX_WAITING = 3;
/** Number of gaps in a row that nothing filled, after which none is waited for: the numbers are not consecutive. */
const MAX_UNFILLED = 5;
/** A number this far below the last one starts a new count. */
const RESTART = 100;

/** Reordering of frames that are numbered consecutively. A gap delays the frames after it by at most {@link MAX_WAITING} frames. */
export class ReorderBuffer<T> {
  private readonly waiting = new Map<number, T>();
  private next: number | undefined;
  private unfilled = 0;

  /** Number of frames that wait. */
  get size(): number {
    return this.waiting.size;
  }

  /** Adds a frame and returns the frames that are due, in order. Late and duplicate frames are dropped. */
  add(number: number, frame: T): T[] {
    if (!Number.isSafeInteger(number)) return [frame];
    if (this.next === undefined || number < this.next - RESTART) this.restartAt(number);
    if (number < this.next!) {
      this.unfilled = 0;
      return [];
    }
    if (number > this.next!) {
      this.waiting.set(number, frame);
      if (this.unfilled >= MAX_UNFILLED) return this.takeAll();
      if (this.waiting.size <= MAX_WAITING) return [];
      this.unfilled++;
      this.next = Math.min(...this.waiting.keys());
      return this.due();
    }
    if (this.waiting.size > 0) this.unfilled = 0;
    this.next = number + 1;
    return [frame, ...this.due()];
  }

  /** Takes all frames that wait, over the gaps, in order. */
  takeAll(): T[] {
    const frames = [...this.waiting].sort(([a], [b]) => a - b);
    const last = frames.at(-1);
    if (last) this.next = last[0] + 1;
    this.waiting.clear();
    return frames.map(([, frame]) => frame);
  }

  /** Takes the consecutive frames at the front. */
  private due(): T[] {
    const frames: T[] = [];
    for (let frame; (frame = this.waiting.get(this.next!)) !== undefined; this.next!++) {
      this.waiting.delete(this.next!);
      frames.push(frame);
    }
    return frames;
  }

  private restartAt(number: number): void {
    this.waiting.clear();
    this.next = number;
  }
}
