/**
 * A map for keys that come and go all the time, such as keys in hand. V8 gives such a Map a new table every few changes, and
 * each former table refers to the next one. Once one of them is in the old generation, everything that passed through the map
 * since then lives until the next full collection. So this map replaces its Map now and then.
 * In a fan-out of 10 000 copies, a full collection found 94 MB of garbage before keys in hand and recent traces were kept in a
 * way that avoids this, and 32 to 59 MB after.
 */

/** How many deletions one Map lasts, unless it has more keys than that. */
const MAX_DELETIONS = 256;

export class FleetingMap<K, V> {
  #map = new Map<K, V>();
  #deletionCount = 0;

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  set(key: K, value: V): void {
    this.#map.set(key, value);
  }

  delete(key: K): boolean {
    const isThere = this.#map.delete(key);
    if (isThere && ++this.#deletionCount >= MAX_DELETIONS && this.#deletionCount >= this.#map.size) {
      this.#map = new Map(this.#map);
      this.#deletionCount = 0;
    }
    return isThere;
  }

  get size(): number {
    return this.#map.size;
  }

  // In the order in which the keys came. What changes while one of these is gone through may or may not be met.

  keys(): MapIterator<K> {
    return this.#map.keys();
  }

  values(): MapIterator<V> {
    return this.#map.values();
  }

  entries(): MapIterator<[K, V]> {
    return this.#map.entries();
  }
}
