/**
 * The objects of one Query, as the API server last told. Fed by a Reflector, read by functions.
 *
 * Promises: no event takes an object's resourceVersion back or brings a deleted object back; a whole list is never older than
 * what was seen, and takes effect at once. Not promised: that two stores are at the same moment in time.
 */
import type { Clock } from "../clock/clock.ts";
import type { WatchEvent } from "../kube/api.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { compareResourceVersions, objectKey, type StoredObject } from "../kube/object.ts";
import { formatQuery, labelOf, matches, type Query, type Where } from "../kube/query.ts";
import { Multimap } from "../collections/multimap.ts";
import { Departed } from "./departed.ts";

/**
 * One object before and after; one of the two may be missing, never both. A delete and a re-create that were seen as one
 * show as both present with different uids.
 */
export type Change = {
  readonly query: Query;
  /** As {@link objectKey} makes it. */
  readonly key: string;
  /** `list`: the first list, or the present state given to a late handler; `relist`: each later list. */
  readonly origin: "list" | "relist" | "watch";
} & (
  | { readonly before?: undefined; readonly after: StoredObject }
  | { readonly before: StoredObject; readonly after?: StoredObject | undefined }
);

/** The value under which an object is found, or undefined to leave it out. Total: it never throws. */
export type Indexer = (object: StoredObject) => string | undefined;

interface Index {
  readonly valueOf: Indexer;
  /** Value → keys. */
  readonly keys: Multimap<string, string>;
}

/** Label keys come from functions and could be computed; beyond so many of them, reads by a further label scan. */
const MAX_LABEL_INDEXES = 16;

export class Store {
  readonly query: Query;
  readonly #objects = new Map<string, StoredObject>();
  readonly #custom = new Map<string, Index>();
  readonly #labels = new Map<string, Index>();
  readonly #departed: Departed;
  /** Made when first asked for: most stores are never read by these, and each costs a set per value. */
  #names: Index | undefined;
  #namespaces: Index | undefined;
  #resourceVersion: string | undefined;

  /** @param clock by which what has gone is forgotten. @default it stands still */
  constructor(
    query: Query,
    indexers: Readonly<Record<string, Indexer>> = {},
    clock: Pick<Clock, "now"> = { now: () => 0 },
  ) {
    this.query = query;
    this.#departed = new Departed(clock);
    for (const [name, valueOf] of Object.entries(indexers)) this.#custom.set(name, this.#indexBy(valueOf));
  }

  /** Of the newest list, event or bookmark that was seen; undefined before the first list. */
  get resourceVersion(): string | undefined {
    return this.#resourceVersion;
  }

  get size(): number {
    return this.#objects.size;
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  /** All keys, that of the object which changed last coming first. Where versions cannot be compared, any order will do. */
  keysNewestFirst(): readonly string[] {
    const versions = Array.from(this.#objects, ([key, { metadata }]) => ({ key, version: metadata.resourceVersion }));
    // Compared without a look at their form, because there may be very many: a longer number is a newer one.
    versions.sort(({ version: a }, { version: b }) => b.length - a.length || (a < b ? 1 : a > b ? -1 : 0));
    return versions.map(({ key }) => key);
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  /**
   * The metadata of what went lately, deleted or no longer matching, as it was before. Undefined for what is there, and for what
   * was gone before the first list.
   */
  departed(key: string): StoredObject | undefined {
    return this.#departed.get(key);
  }

  /** The objects that match, sorted by key. */
  read(where: Where): readonly StoredObject[] {
    const found: string[] = [];
    for (const key of this.#candidates(where)) {
      const object = this.#objects.get(key);
      if (object !== undefined && matches(where, object)) found.push(key);
    }
    return this.#sorted(found);
  }

  /** The objects for which the indexer of that name returned `value`, sorted by key. @throws EvenkeelError BUG */
  lookup(indexName: string, value: string): readonly StoredObject[] {
    const index = this.#custom.get(indexName);
    if (index === undefined) throw new EvenkeelError("BUG", `${formatQuery(this.query)} has no index ${indexName}`);
    return this.#sorted([...index.keys.get(value)]);
  }

  /** Makes reads by a value of this label cheap from now on. A read by value does the same by itself. */
  #indexLabel(key: string): void {
    if (this.#labels.has(key) || this.#labels.size >= MAX_LABEL_INDEXES) return;
    this.#labels.set(
      key,
      this.#indexBy((object) => labelOf(object, key)),
    );
  }

  /**
   * Whether this store has seen all that happened up to `resourceVersion`. Nothing can be said about one that cannot be
   * compared: true then, because a key that waits for it would wait for ever.
   */
  covers(resourceVersion: string): boolean {
    if (this.#resourceVersion === undefined) return false;
    const order = compareResourceVersions(this.#resourceVersion, resourceVersion);
    return order === undefined || order >= 0;
  }

  /** Takes in one watch event. @returns the change, or none for a bookmark or for what was known already. */
  apply(event: WatchEvent): readonly Change[] {
    if (event.type === "bookmark") {
      this.#advance(event.resourceVersion);
      return [];
    }
    const key = objectKey(event.object.metadata);
    const { resourceVersion } = event.object.metadata;
    // An object that is not here was deleted by the store's own version, if it ever was: anything older is a replay.
    const seen = this.#objects.get(key)?.metadata.resourceVersion ?? this.#resourceVersion;
    const order = seen === undefined ? undefined : compareResourceVersions(resourceVersion, seen);
    this.#advance(resourceVersion);
    // Servers differ on whether a deletion has a version of its own, so an equal one counts.
    if (order !== undefined && (event.type === "deleted" ? order < 0 : order <= 0)) return [];
    const isMeant = event.type !== "deleted" && matches(this.query.where, event.object);
    return this.#set(key, isMeant ? event.object : undefined, "watch");
  }

  /**
   * Takes in a whole list: what is not in it is gone. Deletions come first among the changes, then the rest; an object that
   * the list does not change makes none.
   * @throws EvenkeelError API_WENT_BACK when the list is older than what was seen; the store is as before then.
   */
  replace(objects: Iterable<StoredObject>, resourceVersion: string): readonly Change[] {
    this.#refuseOlder(resourceVersion);
    const origin = this.#resourceVersion === undefined ? "list" : "relist";
    const present = new Map<string, StoredObject>();
    for (const object of objects)
      if (matches(this.query.where, object)) present.set(objectKey(object.metadata), object);
    const changes: Change[] = [];
    for (const key of this.#objects.keys()) if (!present.has(key)) changes.push(...this.#set(key, undefined, origin));
    for (const [key, object] of present) if (this.#isNews(key, object)) changes.push(...this.#set(key, object, origin));
    this.#advance(resourceVersion);
    return changes;
  }

  /**
   * A server that lags catches up within a moment. One whose etcd was restored from a backup stays behind, and its list is
   * refused for good: it gives out versions a second time, so whatever was remembered by version, here or by our readers,
   * means nothing any more. Only a restart forgets it all, and the error tells the operator so; Kubernetes asks the same for
   * its own components. Source: kubernetes.io, Operating etcd clusters, "Restoring".
   */
  #refuseOlder(resourceVersion: string): void {
    const seen = this.#resourceVersion;
    const order = seen === undefined ? undefined : compareResourceVersions(resourceVersion, seen);
    if (order === undefined || order >= 0) return;
    const what = `list of ${formatQuery(this.query)} at resourceVersion ${resourceVersion} is older than ${seen}, which was seen before`;
    throw new EvenkeelError("API_WENT_BACK", what);
  }

  /**
   * Any other version is news, an older one too. The list itself is not older than what was seen, so the history went back and
   * has caught up since: the object is now as the list says.
   */
  #isNews(key: string, { metadata }: StoredObject): boolean {
    return this.#objects.get(key)?.metadata.resourceVersion !== metadata.resourceVersion;
  }

  #advance(resourceVersion: string): void {
    const order =
      this.#resourceVersion === undefined ? undefined : compareResourceVersions(resourceVersion, this.#resourceVersion);
    if (order === undefined || order > 0) this.#resourceVersion = resourceVersion;
  }

  #set(key: string, after: StoredObject | undefined, origin: Change["origin"]): readonly Change[] {
    const before = this.#objects.get(key);
    if (before === undefined && after === undefined) return [];
    if (after === undefined) this.#objects.delete(key);
    else this.#objects.set(key, after);
    if (after === undefined && before !== undefined) this.#departed.add(key, before);
    else if (before === undefined) this.#departed.delete(key);
    for (const index of this.#indexes()) reindex(index, key, before, after);
    const { query } = this;
    if (before !== undefined) return [{ query, key, before, after, origin }];
    return after === undefined ? [] : [{ query, key, after, origin }];
  }

  *#indexes(): Generator<Index> {
    if (this.#names !== undefined) yield this.#names;
    if (this.#namespaces !== undefined) yield this.#namespaces;
    yield* this.#labels.values();
    yield* this.#custom.values();
  }

  #indexBy(valueOf: Indexer): Index {
    const index: Index = { valueOf, keys: new Multimap() };
    for (const [key, object] of this.#objects) reindex(index, key, undefined, object);
    return index;
  }

  /** A superset of the keys of what matches `where`, the smallest that an index offers. */
  #candidates(where: Where): Iterable<string> {
    if (where.name !== undefined) {
      if (where.namespace !== undefined) return [objectKey({ namespace: where.namespace, name: where.name })];
      this.#names ??= this.#indexBy(({ metadata }) => metadata.name);
      return this.#names.keys.get(where.name);
    }
    let best: Iterable<string> = this.#objects.keys();
    let bestCount = this.#objects.size;
    for (const [{ keys }, value] of this.#indexed(where)) {
      const count = keys.count(value);
      if (count < bestCount) [best, bestCount] = [keys.get(value), count];
    }
    return best;
  }

  /** The indexes that `where` can be looked up in, each with the value to look for. */
  *#indexed(where: Where): Generator<readonly [Index, string]> {
    if (where.namespace !== undefined) {
      this.#namespaces ??= this.#indexBy(({ metadata }) => metadata.namespace ?? "");
      yield [this.#namespaces, where.namespace];
    }
    for (const [label, rule] of Object.entries(where.labels ?? {})) {
      if (typeof rule !== "string") continue;
      this.#indexLabel(label);
      const index = this.#labels.get(label);
      if (index !== undefined) yield [index, rule];
    }
  }

  #sorted(keys: string[]): readonly StoredObject[] {
    const objects: StoredObject[] = [];
    for (const key of keys.toSorted()) {
      const object = this.#objects.get(key);
      if (object !== undefined) objects.push(object);
    }
    return objects;
  }
}

function reindex(index: Index, key: string, before: StoredObject | undefined, after: StoredObject | undefined): void {
  const from = before === undefined ? undefined : index.valueOf(before);
  const to = after === undefined ? undefined : index.valueOf(after);
  if (from === to) return;
  if (from !== undefined) index.keys.delete(from, key);
  if (to !== undefined) index.keys.add(to, key);
}
