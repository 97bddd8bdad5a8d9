/**
 * Many values under one key. The indexes of the cache, of objects and of queries, are made of it. Most keys have one value
 * (an owner with one child), so a Set is made only for the second: a Set for each key would be half of what a cached object
 * costs. A key without values is not kept.
 */

export class Multimap<K, V extends string | object> {
  /** No key is in both. */
  readonly #single = new Map<K, V>();
  /** Of two values or more when it is made; later maybe of one, never of none. */
  readonly #sets = new Map<K, Set<V>>();

  add(key: K, value: V): void {
    const set = this.#sets.get(key);
    const only = this.#single.get(key);
    if (set !== undefined) set.add(value);
    else if (only === undefined) this.#single.set(key, value);
    else if (only !== value) {
      this.#single.delete(key);
      this.#sets.set(key, new Set([only, value]));
    }
  }

  delete(key: K, value: V): void {
    if (this.#single.get(key) === value) this.#single.delete(key);
    const set = this.#sets.get(key);
    if (set?.delete(value) === true && set.size === 0) this.#sets.delete(key);
  }

  /** To be read at once: it may or may not change with the map. */
  get(key: K): Iterable<V> {
    const only = this.#single.get(key);
    return only === undefined ? (this.#sets.get(key) ?? []) : [only];
  }

  /** How many values `key` has. */
  count(key: K): number {
    return this.#single.has(key) ? 1 : (this.#sets.get(key)?.size ?? 0);
  }

  /** How many keys have values. */
  get size(): number {
    return this.#single.size + this.#sets.size;
  }
}
