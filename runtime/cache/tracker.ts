/**
 * Which keys read what, and so: which keys does a change concern. Step "store change → keys" of the path.
 *
 * Equal queries of many keys are one entry, and an entry is filed under its most selective condition, so the cost of a
 * change does not grow with keys that read something else. Every entry an object could match is looked at, never only
 * the first: a key may read one object by name and the whole kind as well.
 */
import { kindKey } from "../kube/kind.ts";
import { formatQuery, labelOf, matches, valuesOf, type Query, type Where } from "../kube/query.ts";
import { Multimap } from "../collections/multimap.ts";
import { looksSame } from "./answer.ts";
import type { Change } from "./store.ts";

interface Entry {
  readonly identity: string;
  readonly query: Query;
  /** The keys that read it. Never empty while the entry is filed. */
  readonly readers: Set<string>;
  readonly place: Place;
  /** Shared by all keys that read this and nothing else: many of a function do, and a set for each would be half of their cost. */
  readonly alone: Reads;
}

/** Where an entry is filed. */
interface Place {
  readonly drawers: readonly string[];
  /** The label, or the length of the prefix, that it is filed by, if it is filed by one. */
  readonly by?: string | number | undefined;
}

interface Reads {
  /** By the last run that completed. */
  readonly completed: ReadonlySet<Entry>;
  /** These, and those of the run that threw after it, if one did. */
  readonly all: ReadonlySet<Entry>;
}

const NONE: ReadonlySet<Entry> = new Set();
const NOBODY: ReadonlyMap<string, Query> = new Map();

export class Tracker {
  readonly #reads = new Map<string, Reads>();
  readonly #entries = new Map<string, Entry>();
  /** Drawer → entries. An entry lies in one drawer, or in one for each value of an `in` rule. */
  readonly #drawers = new Multimap<string, Entry>();
  /**
   * Kind and label, or length of a prefix → entries filed by it: a change asks for these, not for every label that an object has
   * and for every beginning of its name.
   */
  readonly #filedBy = new Map<string, Map<string | number, number>>();

  /** After a run: `key` depends on these queries and on nothing else. */
  replace(key: string, queries: Iterable<Query>): void {
    const completed = this.#file(key, queries);
    const [first] = completed;
    this.#assign(key, completed.size === 1 && first !== undefined ? first.alone : { completed, all: completed });
  }

  /**
   * After a run that threw, timed out or was discarded: what it read before that, and what the last completed run read. What
   * an earlier failed run read no longer matters, and a key that fails for ever does not grow.
   */
  unite(key: string, queries: Iterable<Query>): void {
    const completed = this.#reads.get(key)?.completed ?? NONE;
    this.#assign(key, { completed, all: completed.union(this.#file(key, queries)) });
  }

  forget(key: string): void {
    this.#assign(key, { completed: NONE, all: NONE });
  }

  /** The keys that read something which the object was or is, each with the query that says so. */
  affected(change: Change): ReadonlyMap<string, Query> {
    let matched: Set<Entry> | undefined;
    for (const drawer of this.#drawersOfChange(change))
      for (const entry of this.#drawers.get(drawer))
        if (concerns(change, entry.query)) (matched ??= new Set()).add(entry);
    if (matched === undefined) return NOBODY;
    const keys = new Map<string, Query>();
    for (const { query, readers } of matched) for (const key of readers) if (!keys.has(key)) keys.set(key, query);
    return keys;
  }

  /** What `key` depends on. */
  queriesOf(key: string): readonly Query[] {
    return [...(this.#reads.get(key)?.all ?? [])].map(({ query }) => query);
  }

  /** For metrics and for the proof that nothing is left behind: all zero when every key is forgotten. */
  get counts(): { readonly keys: number; readonly queries: number; readonly drawers: number } {
    return { keys: this.#reads.size, queries: this.#entries.size, drawers: this.#drawers.size };
  }

  #assign(key: string, reads: Reads): void {
    const previous = this.#reads.get(key)?.all ?? NONE;
    if (reads.all.size === 0) this.#reads.delete(key);
    else this.#reads.set(key, reads);
    for (const entry of previous) if (!reads.all.has(entry)) this.#release(key, entry);
  }

  #file(key: string, queries: Iterable<Query>): Set<Entry> {
    const entries = new Set<Entry>();
    for (const query of queries) {
      const identity = formatQuery(query);
      const entry = this.#entries.get(identity) ?? this.#add(identity, query);
      entry.readers.add(key);
      entries.add(entry);
    }
    return entries;
  }

  #add(identity: string, query: Query): Entry {
    const itself = new Set<Entry>();
    const alone: Reads = { completed: itself, all: itself };
    const entry: Entry = { identity, query, readers: new Set(), place: this.#placeOf(query), alone };
    itself.add(entry);
    this.#entries.set(identity, entry);
    for (const drawer of entry.place.drawers) this.#drawers.add(drawer, entry);
    this.#count(entry, 1);
    return entry;
  }

  #release(key: string, entry: Entry): void {
    entry.readers.delete(key);
    if (entry.readers.size > 0) return;
    this.#entries.delete(entry.identity);
    for (const drawer of entry.place.drawers) this.#drawers.delete(drawer, entry);
    this.#count(entry, -1);
  }

  #count({ query: { kind }, place: { by } }: Entry, change: 1 | -1): void {
    if (by === undefined) return;
    const of = kindKey(kind);
    const filed = this.#filedBy.getOrInsertComputed(of, () => new Map<string | number, number>());
    const count = (filed.get(by) ?? 0) + change;
    if (count > 0) filed.set(by, count);
    else filed.delete(by);
    if (filed.size === 0) this.#filedBy.delete(of);
  }

  /** Every drawer in which an entry may lie that the change concerns. Name and namespace are the same before and after. */
  #drawersOfChange({ query, before, after }: Change): readonly string[] {
    const kind = kindKey(query.kind);
    const { name = "", namespace = "" } = (after ?? before)?.metadata ?? {};
    const drawers = [byObject(kind, namespace, name), byName(kind, name), byNamespace(kind, namespace), all(kind)];
    for (const by of this.#filedBy.get(kind)?.keys() ?? []) {
      if (typeof by === "number") {
        if (by <= name.length) drawers.push(byPrefix(kind, name.slice(0, by)));
        continue;
      }
      const value = after && labelOf(after, by);
      const former = before && labelOf(before, by);
      if (value !== undefined) drawers.push(...byLabels(kind, namespace, by, value));
      if (former !== undefined && former !== value) drawers.push(...byLabels(kind, namespace, by, former));
    }
    return drawers;
  }

  /** In no drawer when the query can match nothing (`in: []`). */
  #placeOf({ kind, where }: Query): Place {
    const of = kindKey(kind);
    const { namespace, name, namePrefix = "" } = where;
    if (name !== undefined)
      return { drawers: [namespace === undefined ? byName(of, name) : byObject(of, namespace, name)] };
    const labelled = this.#leastUsed(labelPlaces(of, where));
    if (labelled !== undefined) return labelled;
    if (namespace !== undefined) return { drawers: [byNamespace(of, namespace)] };
    return namePrefix === "" ? { drawers: [all(of)] } : { drawers: [byPrefix(of, namePrefix)], by: namePrefix.length };
  }

  /** Some labels are on every object (`managed-by`), some on few: the emptier drawer tells which. */
  #leastUsed(choices: readonly Place[]): Place | undefined {
    let best: Place | undefined;
    let bestCount = Infinity;
    for (const choice of choices) {
      let count = 0;
      for (const drawer of choice.drawers) count += this.#drawers.count(drawer);
      if (count < bestCount) [best, bestCount] = [choice, count];
    }
    return best;
  }
}

function concerns(change: Change, { where, part }: Query): boolean {
  const { before, after } = change;
  const isMeant = (before !== undefined && matches(where, before)) || (after !== undefined && matches(where, after));
  return isMeant && !looksSame(part, change);
}

/** For each label that must have one of some values: the drawers of these values. */
function labelPlaces(kind: string, { namespace, labels }: Where): readonly Place[] {
  return Object.entries(labels ?? {}).flatMap(([label, rule]) => {
    const values = valuesOf(rule);
    if (values === undefined) return [];
    return [{ drawers: values.map((value) => byLabel(kind, namespace, label, value)), by: label }];
  });
}

// Two conditions may share a drawer by an odd choice of strings: that costs a comparison, no more.
const byObject = (kind: string, namespace: string, name: string): string => `object ${kind} ${namespace}/${name}`;
const byName = (kind: string, name: string): string => `name ${kind} ${name}`;
const byLabel = (kind: string, namespace: string | undefined, label: string, value: string): string =>
  `label ${kind} ${namespace ?? "*"} ${label}=${value}`;
const byLabels = (kind: string, namespace: string, label: string, value: string): readonly string[] => [
  byLabel(kind, undefined, label, value),
  byLabel(kind, namespace, label, value),
];
const byNamespace = (kind: string, namespace: string): string => `namespace ${kind} ${namespace}`;
const byPrefix = (kind: string, prefix: string): string => `prefix ${kind} ${prefix}`;
const all = (kind: string): string => `all ${kind}`;
