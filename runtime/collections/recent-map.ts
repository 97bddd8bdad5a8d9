/**
 * A map of the keys that were used last: at least `count` of them, at most twice as many. It forgets the older half at once:
 * to delete the oldest key of a Map one by one gets slow, because V8 skips the deleted ones each time it looks for the next.
 */
export class RecentMap<K, V> {
  readonly #count: number;
  #young = new Map<K, V>();
  #old: ReadonlyMap<K, V> = new Map();

  /** @param count how many keys are sure to be remembered, ≥ 1 */
  constructor(count: number) {
    this.#count = count;
  }

  /** What is asked for counts as met. */
  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  /** What is known under `key`, or else `value`, known from now on. */
  getOrInsert(key: K, value: V): V {
    const known = this.get(key);
    if (known === undefined) this.set(key, value);
    return known ?? value;
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#count && !this.#young.has(key)) [this.#old, this.#young] = [this.#young, new Map()];
    this.#young.set(key, value);
  }
}
