/** The part of the cache that one function declared: its sources, what it reads, and the children it made. */
import { answerFrom, looksSame } from "../cache/answer.ts";
import { metadataAlone } from "../cache/content.ts";
import type { SharedInformer } from "../cache/informer.ts";
import type { Informers } from "../cache/informers.ts";
import type { Change, Indexer, Store } from "../cache/store.ts";
import { groupKind, isSameKind, kindKey, type Kind } from "../kube/kind.ts";
import { objectKey, type ObjectName, type StoredObject } from "../kube/object.ts";
import { formatQuery, select, type Part, type Query } from "../kube/query.ts";
import type { Declaration } from "./cell/cell.ts";
import { strategyOf, type Observed } from "./plan.ts";
import { FUNCTION_LABEL, claimedOwner, isChildOf, markOf } from "./provenance.ts";
import type { About } from "./request.ts";

/** The index that children are found by; the informers that a function uses must have it. */
const BY_OWNER = "owner";
export const indexers: Readonly<Record<string, Indexer>> = { [BY_OWNER]: claimedOwner };

/** What a change means to a function, besides the reads that the tracker knows. */
export type Role = { readonly source?: string | undefined; readonly owners: readonly string[] };

/**
 * The children of a function, as far as a plan needs them: where all fields are the function's, a digest tells whether they
 * are as wanted; where others fill in fields, the wanted ones have to be looked up among them.
 */
function childrenQuery(kind: Kind, functionName: string): Query {
  const query = select(kind, { labels: { [FUNCTION_LABEL]: functionName } });
  return strategyOf(kind) === "update" ? { ...query, part: "metadata+digest" } : query;
}

/**
 * What is watched to answer `query`. The metadata of a function's children is read from where its host keeps the children:
 * decided by the query alone, so that there is one watch in whatever order functions start.
 */
function heldQuery(query: Query): Query {
  const { kind, where, part } = query;
  const name = where.labels?.[FUNCTION_LABEL];
  if (part !== "metadata" || typeof name !== "string") return query;
  const children = childrenQuery(kind, name);
  return formatQuery(select(kind, where)) === formatQuery(select(kind, children.where)) ? children : query;
}

/** How much each knows of an object. */
const KNOWLEDGE: Readonly<Record<Part | "whole", number>> = {
  whole: 2,
  "metadata+digest": 1,
  metadata: 0,
  departed: 0,
};

function byKnowledge({ query: a }: SharedInformer, { query: b }: SharedInformer): number {
  return KNOWLEDGE[b.part ?? "whole"] - KNOWLEDGE[a.part ?? "whole"];
}

export class FunctionCache {
  readonly #name: string;
  readonly #informers: Informers;
  readonly #watches: Query;
  readonly #sources: SharedInformer;
  readonly #children: readonly SharedInformer[];
  /** One entry per time an informer was taken: it has to be given back as often. */
  readonly #uses: readonly SharedInformer[];
  /** Each once; those that hold most of an object first. */
  readonly #all: readonly SharedInformer[];
  /** Everything a read may show. */
  readonly declared: readonly Query[];
  readonly answer: (query: Query) => readonly StoredObject[];
  readonly #stores: readonly Store[];
  readonly #ownerPrefix: string;

  /** Starts the informers that are not running yet; `release` gives them back. */
  constructor(name: string, { watches, reads, writes }: Declaration, informers: Informers) {
    this.#name = name;
    this.#informers = informers;
    this.#watches = watches;
    const use = (query: Query): SharedInformer => informers.informer(heldQuery(query));
    this.#sources = use(watches);
    this.#children = writes.map((kind) => informers.informer(childrenQuery(kind, name)));
    this.#uses = [this.#sources, ...reads.map(use), ...this.#children];
    this.#all = [...new Set(this.#uses)].toSorted(byKnowledge);
    this.declared = this.#all.map(({ query }) => query);
    this.#stores = this.#all.map(({ store }) => store);
    this.answer = answerFrom(this.#stores);
    // `ConfigMap/` of `ConfigMap/default/settings`: owners of other kinds are other functions' business.
    this.#ownerPrefix = `${groupKind(watches.kind)}/`;
  }

  /** Tells of every change, and at first of all that is there. @returns how to stop it. */
  onChange(handler: (change: Change, role: Role) => void): () => void {
    const stops = this.#all.map((informer) =>
      informer.onChange((change) => handler(change, this.#role(informer, change))),
    );
    return () => stops.forEach((stop) => stop());
  }

  /** Tells when a whole list has been taken in anew. @returns how to stop it. */
  onRelist(handler: () => void): () => void {
    const stops = this.#all.map((informer) => informer.onRelist(handler));
    return () => stops.forEach((stop) => stop());
  }

  get informers(): readonly SharedInformer[] {
    return this.#all;
  }

  get hasSynced(): boolean {
    return this.#all.every(({ hasSynced }) => hasSynced);
  }

  async waitForSync(): Promise<void> {
    await Promise.all(this.#all.map(({ synced }) => synced));
  }

  /** A list has lost so much that nothing may be deleted until it is confirmed. */
  get deletionsHeld(): boolean {
    return this.#all.some(({ deletionsHeld }) => deletionsHeld !== undefined);
  }

  get keyCount(): number {
    return this.#sources.store.size;
  }

  keys(): IterableIterator<string> {
    return this.#sources.store.keys();
  }

  /** As {@link Store.keysNewestFirst}. */
  keysNewestFirst(): readonly string[] {
    return this.#sources.store.keysNewestFirst();
  }

  /** `v1/ConfigMap` */
  get sourceKind(): string {
    return kindKey(this.#sources.query.kind);
  }

  source(key: string): StoredObject | undefined {
    const found = this.#sources.store.get(key);
    return found === undefined || this.#watches.part === undefined ? found : metadataAlone(found);
  }

  /** The objects that are proven to be children that this function made for `source`. */
  childrenOf(source: StoredObject): readonly StoredObject[] {
    const owner = markOf(source);
    return this.#children.flatMap(({ store }) =>
      store.lookup(BY_OWNER, owner).filter((child) => isChildOf(child, this.#name, source)),
    );
  }

  /** What a plan goes by. */
  observed({ source, record: { statusDigest, fulfilled } }: Pick<About, "source" | "record">): Observed {
    const children = this.childrenOf(source);
    return {
      functionName: this.#name,
      source,
      children,
      statusDigest,
      fulfilled,
      find: this.find,
      departed: this.#departed,
    };
  }

  readonly #departed = (kind: Kind, name: ObjectName): StoredObject | undefined => {
    const children = this.#children.find(({ query }) => isSameKind(query.kind, kind));
    return children?.store.departed(objectKey(name));
  };

  /** The object from the store that holds the most of it, if any does. */
  readonly find = (kind: Kind, name: ObjectName): StoredObject | undefined => {
    const key = objectKey(name);
    for (const { query, store } of this.#all) {
      if (!isSameKind(query.kind, kind)) continue;
      const found = store.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  };

  /**
   * Asked of the stores that hold the object; of the one that our children go into when none does (yet, or any more), or when
   * the object carries our label and so is on its way there.
   */
  readonly hasSeen = (kind: Kind, name: ObjectName, resourceVersion: string): boolean => {
    const key = objectKey(name);
    const isOfKind = ({ query }: SharedInformer): boolean => isSameKind(query.kind, kind);
    let isHeld = false;
    let isChild = false;
    for (const informer of this.#all) {
      const found = isOfKind(informer) ? informer.store.get(key) : undefined;
      if (found === undefined) continue;
      if (!informer.store.covers(resourceVersion)) return false;
      isHeld = true;
      isChild ||= found.metadata.labels?.[FUNCTION_LABEL] === this.#name;
    }
    if (isHeld && !isChild) return true;
    return this.#children.every((informer) => !isOfKind(informer) || informer.store.covers(resourceVersion));
  };

  async release(): Promise<void> {
    await Promise.all(this.#uses.map((informer) => this.#informers.release(informer)));
  }

  #role(informer: SharedInformer, change: Change): Role {
    const { key, before, after } = change;
    const source = informer === this.#sources && !looksSame(this.#watches.part, change) ? key : undefined;
    if (!this.#children.includes(informer)) return { source, owners: [] };
    const former = this.#ownerOf(before);
    const owner = this.#ownerOf(after);
    const owners = [
      ...(former === undefined ? [] : [former]),
      ...(owner === undefined || owner === former ? [] : [owner]),
    ];
    return { source, owners };
  }

  #ownerOf(child: StoredObject | undefined): string | undefined {
    const owner = child === undefined ? undefined : claimedOwner(child);
    return owner?.startsWith(this.#ownerPrefix) === true ? owner.slice(this.#ownerPrefix.length) : undefined;
  }
}
