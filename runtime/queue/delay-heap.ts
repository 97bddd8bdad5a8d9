/** The keys that become ready later, the earliest first: a binary heap in which each entry knows its own place. */
import type { Entry } from "./entry.ts";

export class DelayHeap {
  #entries: Entry[] = [];
  #order = 0;

  get length(): number {
    return this.#entries.length;
  }

  /** The one that is due first; among equals the one that came first. */
  get first(): Entry | undefined {
    return this.#entries[0];
  }

  push(entry: Entry): void {
    entry.order = this.#order++;
    this.#put(entry, this.#entries.length);
    this.#rise(entry);
  }

  /** To be called after `entry.dueMs` was made smaller. */
  hastened(entry: Entry): void {
    this.#rise(entry);
  }

  /** @param entry must be in this heap */
  remove(entry: Entry): void {
    const last = this.#entries.pop();
    const index = entry.heapIndex;
    if (this.#entries.length === 0) this.#entries = []; // An array that has been long keeps its room.
    if (last === undefined || last === entry) return;
    this.#put(last, index);
    this.#rise(last);
    this.#sink(last);
  }

  /** Empties the heap and says what was in it, in no order. */
  clear(): readonly Entry[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  #put(entry: Entry, index: number): void {
    this.#entries[index] = entry;
    entry.heapIndex = index;
  }

  #rise(entry: Entry): void {
    let index = entry.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#entries[parentIndex];
      if (parent === undefined || !isBefore(entry, parent)) break;
      this.#put(parent, index);
      index = parentIndex;
    }
    this.#put(entry, index);
  }

  #sink(entry: Entry): void {
    let index = entry.heapIndex;
    for (;;) {
      const child = this.#earlierChild(index);
      if (child === undefined || !isBefore(child, entry)) break;
      const childIndex = child.heapIndex;
      this.#put(child, index);
      index = childIndex;
    }
    this.#put(entry, index);
  }

  #earlierChild(index: number): Entry | undefined {
    const left = this.#entries[2 * index + 1];
    const right = this.#entries[2 * index + 2];
    if (left === undefined || right === undefined) return left;
    return isBefore(right, left) ? right : left;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
