/** Limit of the texts that wait, in bytes, and the share of each beside its content: nine short ones. */
const MAX_BYTES = 100_000;
const TEXT_BYTES = 10_000;

/** Texts of a client that wait for the end of their answer. A text alone may be longer than the limit. */
export class UnansweredTexts {
  /** Size of all that have not ended, and of those among them that nothing has interrupted. */
  private bytes = 0;
  private waiting = { bytes: 0 };

  /**
   * Adds a text, unless too much waits. One that interrupts the others waits for none of them, but is not taken while too many that were interrupted
   * have not ended.
   * @param answer interrupts the others where it is to, and begins the answer
   * @returns the end of the answer; `undefined` for a text that is not taken
   * @throws what `answer` throws
   */
  add(content: string, interrupts: boolean, answer: () => unknown): Promise<unknown> | undefined {
    const size = TEXT_BYTES + Buffer.byteLength(content);
    const others = interrupts ? this.bytes - this.waiting.bytes : this.waiting.bytes;
    if (others > 0 && others + size > MAX_BYTES) return undefined;
    const ended = Promise.resolve(answer());
    if (interrupts) this.waiting = { bytes: 0 };
    const { waiting } = this;
    waiting.bytes += size;
    this.bytes += size;
    return ended.finally(() => {
      waiting.bytes -= size;
      this.bytes -= size;
    });
  }
}
