/** One key inside the workqueue, and the list that holds keys in order: constant time everywhere, nothing left when empty. */

/** `low` is for work that nobody waits for: the objects found at start and after a relist. */
export type Priority = "high" | "low";

/**
 * All that the workqueue knows of a key. What a key is follows from two fields:
 *
 *     wish      | not processing        | processing
 *     ----------+-----------------------+---------------------------------
 *     `none`    | forgotten             | runs, and that is all
 *     `later`   | delayed (in the heap) | runs, and again once due (in the heap)
 *     `now`     | ready (in a list)     | dirty: runs, and once more when done
 */
export interface Entry {
  readonly key: string;
  wish: "none" | "later" | "now";
  isProcessing: boolean;
  /** Of the run that is wished for. */
  priority: Priority;
  /** When it came into the list it is in: ready since, or processing since. */
  enteredMs: number;
  /** With `later`: when it becomes ready. */
  dueMs: number;
  /** Tells apart what is due in the same millisecond. */
  order: number;
  /** With `later`: its place in the heap. */
  heapIndex: number;
  previous: Entry | undefined;
  next: Entry | undefined;
}

export function newEntry(key: string): Entry {
  return {
    key,
    wish: "none",
    isProcessing: false,
    priority: "low",
    enteredMs: 0,
    dueMs: 0,
    order: 0,
    heapIndex: -1,
    previous: undefined,
    next: undefined,
  };
}

/**
 * First in, first out, with removal from the middle. The links are in the entries, so an entry is in one list at most.
 *
 *     first → [a] ⇄ [b] ⇄ [c] ← last
 */
export class EntryList {
  #first: Entry | undefined;
  #last: Entry | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Entry | undefined {
    return this.#first;
  }

  push(entry: Entry): void {
    entry.previous = this.#last;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.#length++;
  }

  /** @param entry must be in this list */
  remove(entry: Entry): void {
    if (entry.previous === undefined) this.#first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.#last = entry.previous;
    else entry.next.previous = entry.previous;
    entry.previous = undefined;
    entry.next = undefined;
    this.#length--;
  }

  *[Symbol.iterator](): IterableIterator<Entry> {
    for (let entry = this.#first; entry !== undefined; entry = entry.next) yield entry;
  }
}
