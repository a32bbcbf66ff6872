/** Events of a process, with those that came before somebody waited. */
export class EventLog {
  all = [];
  #waiting = new Set();
  #problem;

  add(event) {
    this.all.push(event);
    this.#wake();
  }

  /** Lets those fail who wait for events that no longer come. */
  end(problem) {
    this.#problem ??= problem;
    this.#wake();
  }

  /** The first event that matches, now or when it comes. */
  async first(matches) {
    for (;;) {
      const found = this.all.find(matches);
      if (found !== undefined) return found;
      if (this.#problem !== undefined) throw new Error(this.#problem);
      await new Promise((resolve) => this.#waiting.add(resolve));
    }
  }

  #wake() {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
