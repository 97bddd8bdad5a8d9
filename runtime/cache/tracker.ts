/**
 * Which requests read what, and so: which requests does a change concern. Step "store change → requests" of the path.
 *
 * Equal queries of many requests are one entry, and an entry is filed under its most selective condition, so the cost of a
 * change does not grow with requests that read something else. Every entry an object could match is looked at, never only
 * the first: a request may read one object by name and the whole kind as well.
 */
import { kindKey } from "../kube/kind.ts";
import { matches, type LabelRule, type Query, type Where } from "../kube/query.ts";
import { Multimap } from "../collections/multimap.ts";
import type { Change } from "./store.ts";

interface Entry {
  readonly identity: string;
  readonly query: Query;
  /** Never empty while the entry is filed. */
  readonly requests: Set<string>;
  readonly drawers: readonly string[];
  /** Of all requests that read this and nothing else: many keys of one function do, and a set of its own for each is half its cost. */
  readonly alone: Reads;
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
  /** Kind and length → entries by a prefix so long: a change asks for these lengths, not for every beginning of a name. */
  readonly #prefixLengths = new Map<string, Map<number, number>>();

  /** After a run: `request` depends on these queries and on nothing else. */
  replace(request: string, queries: Iterable<Query>): void {
    const completed = this.#file(request, queries);
    const [first] = completed;
    this.#assign(request, completed.size === 1 && first !== undefined ? first.alone : { completed, all: completed });
  }

  /**
   * After a run that threw, timed out or was discarded: what it read before that, and what the last completed run read. What
   * an earlier failed run read no longer matters, and a request that fails for ever does not grow.
   */
  unite(request: string, queries: Iterable<Query>): void {
    const completed = this.#reads.get(request)?.completed ?? NONE;
    this.#assign(request, { completed, all: completed.union(this.#file(request, queries)) });
  }

  forget(request: string): void {
    this.#assign(request, { completed: NONE, all: NONE });
  }

  /** The requests that read something which the object was or is, each with the query that says so. */
  affected(change: Change): ReadonlyMap<string, Query> {
    let matched: Set<Entry> | undefined;
    for (const drawer of this.#drawersOfChange(change))
      for (const entry of this.#drawers.get(drawer))
        if (concerns(change, entry.query)) (matched ??= new Set()).add(entry);
    if (matched === undefined) return NOBODY;
    const requests = new Map<string, Query>();
    for (const { query, requests: readers } of matched)
      for (const request of readers) if (!requests.has(request)) requests.set(request, query);
    return requests;
  }

  /** What `request` depends on. */
  queriesOf(request: string): readonly Query[] {
    return [...(this.#reads.get(request)?.all ?? [])].map(({ query }) => query);
  }

  /** For metrics and for the proof that nothing is left behind: all zero when every request is forgotten. */
  get counts(): { readonly requests: number; readonly queries: number; readonly drawers: number } {
    return { requests: this.#reads.size, queries: this.#entries.size, drawers: this.#drawers.size };
  }

  #assign(request: string, reads: Reads): void {
    const previous = this.#reads.get(request)?.all ?? NONE;
    if (reads.all.size === 0) this.#reads.delete(request);
    else this.#reads.set(request, reads);
    for (const entry of previous) if (!reads.all.has(entry)) this.#release(request, entry);
  }

  #file(request: string, queries: Iterable<Query>): Set<Entry> {
    const entries = new Set<Entry>();
    for (const query of queries) {
      const identity = identify(query);
      const entry = this.#entries.get(identity) ?? this.#add(identity, query);
      entry.requests.add(request);
      entries.add(entry);
    }
    return entries;
  }

  #add(identity: string, query: Query): Entry {
    const itself = new Set<Entry>();
    const alone: Reads = { completed: itself, all: itself };
    const entry: Entry = { identity, query, requests: new Set(), drawers: this.#drawersOfQuery(query), alone };
    itself.add(entry);
    this.#entries.set(identity, entry);
    for (const drawer of entry.drawers) this.#drawers.add(drawer, entry);
    this.#countPrefix(query, 1);
    return entry;
  }

  #release(request: string, entry: Entry): void {
    entry.requests.delete(request);
    if (entry.requests.size > 0) return;
    this.#entries.delete(entry.identity);
    for (const drawer of entry.drawers) this.#drawers.delete(drawer, entry);
    this.#countPrefix(entry.query, -1);
  }

  #countPrefix({ kind, where: { namePrefix = "" } }: Query, by: 1 | -1): void {
    if (namePrefix === "") return;
    const of = kindKey(kind);
    const lengths = this.#prefixLengths.getOrInsertComputed(of, () => new Map<number, number>());
    const count = (lengths.get(namePrefix.length) ?? 0) + by;
    if (count > 0) lengths.set(namePrefix.length, count);
    else lengths.delete(namePrefix.length);
    if (lengths.size === 0) this.#prefixLengths.delete(of);
  }

  /** Every drawer in which an entry may lie that the change concerns. Name and namespace are the same before and after. */
  #drawersOfChange({ query, before, after }: Change): readonly string[] {
    const kind = kindKey(query.kind);
    const { name = "", namespace = "" } = (after ?? before)?.metadata ?? {};
    const drawers = [byKey(kind, namespace, name), byName(kind, name), byNamespace(kind, namespace), all(kind)];
    for (const length of this.#prefixLengths.get(kind)?.keys() ?? [])
      if (length <= name.length) drawers.push(byPrefix(kind, name.slice(0, length)));
    const { labels } = after?.metadata ?? {};
    const former = before?.metadata.labels;
    for (const key in labels) drawers.push(...byLabels(kind, namespace, key, labels[key]));
    for (const key in former)
      if (former[key] !== labels?.[key]) drawers.push(...byLabels(kind, namespace, key, former[key]));
    return drawers;
  }

  /** None when the query can match nothing (`in: []`). */
  #drawersOfQuery({ kind, where }: Query): readonly string[] {
    const of = kindKey(kind);
    const { namespace, name, namePrefix } = where;
    if (name !== undefined) return [namespace === undefined ? byName(of, name) : byKey(of, namespace, name)];
    const labelled = this.#leastUsed(labelDrawers(of, where));
    if (labelled !== undefined) return labelled;
    if (namespace !== undefined) return [byNamespace(of, namespace)];
    return [namePrefix === undefined || namePrefix === "" ? all(of) : byPrefix(of, namePrefix)];
  }

  /** Some labels are on every object (`managed-by`), some on few: the emptier drawer tells which. */
  #leastUsed(choices: readonly (readonly string[])[]): readonly string[] | undefined {
    let best: readonly string[] | undefined;
    let bestCount = Infinity;
    for (const drawers of choices) {
      let count = 0;
      for (const drawer of drawers) count += this.#drawers.count(drawer);
      if (count < bestCount) [best, bestCount] = [drawers, count];
    }
    return best;
  }
}

function concerns({ before, after }: Change, { where }: Query): boolean {
  return (before !== undefined && matches(where, before)) || (after !== undefined && matches(where, after));
}

/** For each label that must have one of some values: the drawers of these values. */
function labelDrawers(kind: string, { namespace, labels }: Where): readonly (readonly string[])[] {
  return Object.entries(labels ?? {}).flatMap(([key, rule]) => {
    const values = valuesOf(rule);
    return values === undefined ? [] : [values.map((value) => byLabel(kind, namespace, key, value))];
  });
}

function valuesOf(rule: LabelRule): readonly string[] | undefined {
  if (typeof rule === "string") return [rule];
  return "in" in rule ? rule.in : undefined;
}

// Two conditions may share a drawer by an odd choice of strings: that costs a comparison, no more.
const byKey = (kind: string, namespace: string, name: string): string => `key ${kind} ${namespace}/${name}`;
const byName = (kind: string, name: string): string => `name ${kind} ${name}`;
const byLabel = (kind: string, namespace: string | undefined, key: string, value: string): string =>
  `label ${kind} ${namespace ?? "*"} ${key}=${value}`;
const byLabels = (kind: string, namespace: string, key: string, value = ""): readonly string[] => [
  byLabel(kind, undefined, key, value),
  byLabel(kind, namespace, key, value),
];
const byNamespace = (kind: string, namespace: string): string => `namespace ${kind} ${namespace}`;
const byPrefix = (kind: string, prefix: string): string => `prefix ${kind} ${prefix}`;
const all = (kind: string): string => `all ${kind}`;

/** The same for equal queries and for no others, whatever strings a function puts in them. */
function identify(query: Query): string {
  return identities.get(query) ?? identified(query);
}

/** A query is asked again and again, by one key and by its neighbours, and never changes. */
const identities = new WeakMap<Query, string>();

function identified(query: Query): string {
  const { kind, where, part } = query;
  const labels = Object.entries(where.labels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const identity = JSON.stringify([kindKey(kind), where.namespace, where.name, where.namePrefix, labels, part]);
  identities.set(query, identity);
  return identity;
}
