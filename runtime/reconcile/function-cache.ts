/** The part of the cache that one function declared: its sources, what it reads, and the children it made. */
import { answerFrom } from "../cache/answer.ts";
import type { SharedInformer } from "../cache/informer.ts";
import type { Informers } from "../cache/informers.ts";
import type { Change, Indexer, Store } from "../cache/store.ts";
import { kindKey, type Kind } from "../kube/kind.ts";
import { objectKey, type ObjectName, type StoredObject } from "../kube/object.ts";
import { select, type Query } from "../kube/query.ts";
import type { DefinedFunction } from "./define.ts";
import { FUNCTION_LABEL, claimedOwner, isChildOf, ownerReference } from "./provenance.ts";

/** The index that children are found by; the informers that a function uses must have it. */
const BY_OWNER = "owner";
export const indexers: Readonly<Record<string, Indexer>> = { [BY_OWNER]: claimedOwner };

/** What a change means to a function, besides the reads that the tracker knows. */
export type Role = { readonly source?: string | undefined; readonly owners: readonly string[] };

export class FunctionCache {
  readonly #name: string;
  readonly #informers: Informers;
  readonly #sources: SharedInformer;
  readonly #children: readonly SharedInformer[];
  /** One entry per time an informer was taken: it has to be given back as often. */
  readonly #uses: readonly SharedInformer[];
  readonly #all: readonly SharedInformer[];
  /** Everything a read may show. */
  readonly declared: readonly Query[];
  readonly answer: (query: Query) => readonly StoredObject[];
  readonly #stores: readonly Store[];
  readonly #ownerPrefix: string;

  /** Starts the informers that are not running yet; `release` gives them back. */
  constructor(name: string, { watches, reads, writes }: DefinedFunction, informers: Informers) {
    this.#name = name;
    this.#informers = informers;
    const children = writes.map((kind) => select(kind, { labels: { [FUNCTION_LABEL]: name } }));
    const use = (query: Query): SharedInformer => informers.informer(query);
    this.#sources = use(watches);
    this.#children = children.map(use);
    this.#uses = [this.#sources, ...reads.map(use), ...this.#children];
    this.#all = [...new Set(this.#uses)];
    this.declared = this.#all.map(({ query }) => query);
    this.#stores = this.#all.map(({ store }) => store);
    this.answer = answerFrom(this.#stores);
    // `ConfigMap/` of `ConfigMap/default/settings`: owners of other kinds are other functions' business.
    this.#ownerPrefix = ownerReference({ ...watches.kind, metadata: { name: "" } });
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

  /** `v1/ConfigMap` */
  get sourceKind(): string {
    return kindKey(this.#sources.query.kind);
  }

  source(key: string): StoredObject | undefined {
    return this.#sources.store.get(key);
  }

  /** The objects that are proven to be children that this function made for `source`. */
  childrenOf(source: StoredObject): readonly StoredObject[] {
    const owner = ownerReference(source);
    return this.#children.flatMap(({ store }) =>
      store.lookup(BY_OWNER, owner).filter((child) => isChildOf(child, this.#name, source)),
    );
  }

  /** Any object that one of the stores holds. */
  readonly find = (kind: Kind, name: ObjectName): StoredObject | undefined => {
    const key = objectKey(name);
    for (const { query, store } of this.#all) {
      if (query.kind.kind !== kind.kind || query.kind.apiVersion !== kind.apiVersion) continue;
      const found = store.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  };

  /** Asked of the store that holds the object; of the one that our children go into when none does (yet, or any more). */
  readonly hasSeen = (kind: Kind, name: ObjectName, resourceVersion: string): boolean => {
    const key = objectKey(name);
    const isOfKind = ({ query }: SharedInformer): boolean => kindKey(query.kind) === kindKey(kind);
    const holders = this.#all.filter((informer) => isOfKind(informer) && informer.store.get(key) !== undefined);
    const stores = holders.length > 0 ? holders : this.#children.filter(isOfKind);
    return stores.every(({ store }) => store.covers(resourceVersion));
  };

  async release(): Promise<void> {
    await Promise.all(this.#uses.map((informer) => this.#informers.release(informer)));
  }

  #role(informer: SharedInformer, { key, before, after }: Change): Role {
    const source = informer === this.#sources ? key : undefined;
    if (!this.#children.includes(informer)) return { source, owners: [] };
    const owners = new Set<string>();
    for (const object of [before, after]) {
      const owner = object === undefined ? undefined : claimedOwner(object);
      if (owner?.startsWith(this.#ownerPrefix)) owners.add(owner.slice(this.#ownerPrefix.length));
    }
    return { source, owners: [...owners] };
  }
}
