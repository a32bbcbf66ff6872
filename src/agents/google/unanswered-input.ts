import { ITEM_BYTES } from '../../limits/queue.js';
import type { LiveInput } from './live-module.js';

/** Limit of the input that is kept, in bytes: some ten seconds of audio. */
const MAX_BYTES = 600_000;

/** Input that the model has not answered yet, to be sent again when a connection was lost. The oldest is dropped first. */
export class UnansweredInput {
  private items: LiveInput[] = [];
  private bytes = 0;
  /** Number of inputs that the model is answering. */
  private question = 0;

  add(input: LiveInput): void {
    this.items.push(input);
    this.bytes += sizeOf(input);
    while (this.bytes > MAX_BYTES && this.items.length > 1) {
      this.drop(1);
      this.question = Math.max(0, this.question - 1);
    }
  }

  /** Returns true when a text can be kept without a loss of others. */
  hasRoomFor(text: LiveInput): boolean {
    const texts = this.items.filter((input) => input.text !== undefined);
    return texts.reduce((sum, input) => sum + sizeOf(input), sizeOf(text)) <= MAX_BYTES;
  }

  /** The model begins to answer. */
  answering(): void {
    this.question = this.items.length;
  }

  /** The model has answered: what came during the answer is kept. */
  answered(): void {
    this.drop(this.question);
    this.question = 0;
  }

  /** Forgets everything: the model knows it. */
  clear(): void {
    this.drop(this.items.length);
    this.question = 0;
  }

  /** Takes all of it, the oldest first. */
  take(): readonly LiveInput[] {
    const all = this.items.slice();
    this.clear();
    return all;
  }

  private drop(count: number): void {
    for (const input of this.items.splice(0, count)) this.bytes -= sizeOf(input);
  }
}

/** Size of input, in bytes. */
export const sizeOf = ({ audio, text }: LiveInput): number =>
  ITEM_BYTES + (audio?.data.length ?? 0) + 2 * (text?.length ?? 0);
