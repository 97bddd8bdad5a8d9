/**
 * One instance of equal values: the labels of ten thousand copies are kept once. Bounded: what was not met among the last few
 * thousand different values is let go, which costs memory where it comes again, and nothing else.
 */

/** Two generations of so many values. A full pool is a fraction of the objects that filled it. */
const MAX_COUNT = 4_096;

export class Pool<V> {
  #young = new Map<string, V>();
  #old: ReadonlyMap<string, V> = new Map();

  /** The value known under `key`, or else `value`, known from now on. Values under one key must be equal. */
  share(key: string, value: V): V {
    const known = this.#young.get(key);
    if (known !== undefined) return known;
    const shared = this.#old.get(key) ?? value;
    if (this.#young.size >= MAX_COUNT) [this.#old, this.#young] = [this.#young, new Map()];
    this.#young.set(key, shared);
    return shared;
  }
}
