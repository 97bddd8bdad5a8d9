/** Under both indexes of the cache, of objects and of queries: many values under one key, and nothing empty is kept. */

export class Multimap<K, V> {
  /** No set in it is ever empty. */
  readonly #sets = new Map<K, Set<V>>();

  add(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (set === undefined) this.#sets.set(key, new Set([value]));
    else set.add(value);
  }

  delete(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (set?.delete(value) === true && set.size === 0) this.#sets.delete(key);
  }

  /** Live: it changes with the map. */
  get(key: K): ReadonlySet<V> | undefined {
    return this.#sets.get(key);
  }

  /** How many keys have values. */
  get size(): number {
    return this.#sets.size;
  }
}
