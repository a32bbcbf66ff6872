/** FIFO queue with amortized O(1) operations, unlike `Array.shift()`. */
export class Queue<T> {
  private items: (T | undefined)[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  /** Returns the oldest item without removing it. */
  peek(): T | undefined {
    return this.items[this.head];
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** Removes and returns the oldest item. */
  shift(): T | undefined {
    const item = this.items[this.head];
    if (this.length === 0) return undefined;
    this.items[this.head++] = undefined;
    // Removed slots are dropped once they are half of the array: each item is moved once, on average.
    if (this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }

  /** Removes and returns all items, the oldest first. */
  drain(): T[] {
    const items = this.items.slice(this.head) as T[];
    this.items = [];
    this.head = 0;
    return items;
  }
}

/** Overhead of a buffered item beside its content, in bytes. It bounds the number of empty items. */
export const ITEM_BYTES = 256;
