/**
 * A map whose keys come and go all the time: keys in hand, objects that are being written. V8 gives a Map that is changed
 * so a new table every few changes, and each former one leads to the next; once one of them is old, whatever passed through
 * the map since survives until the next full collection. So the map itself is replaced now and then.
 * In a fan-out of 10 000 copies a full collection found 94 MB dead before the keys in hand and the recent traces were kept
 * so that this cannot happen, and 32 to 59 MB since.
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
