/**
 * Between the API server and a Store: of each object only the part is kept that the Query means, and values that repeat from
 * object to object are kept once. Reduced as it arrives, page by page, so that no list is ever there in full.
 */
import type { Api, WatchEvent } from "../kube/api.ts";
import type { StoredObject } from "../kube/object.ts";
import type { Query } from "../kube/query.ts";
import { withDigestOnly, withoutContent } from "./content.ts";
import { deepFrozen } from "./freeze.ts";
import { RecentMap } from "../collections/recent-map.ts";

/** What a store is filled from: the API server, or what stands before it. client-go's name. */
export type ListWatch = Pick<Api, "list" | "watch">;

/** `api`, whose answers to this query hold no more than it means. */
export function holding(api: ListWatch, { part }: Query): ListWatch {
  if (part === undefined) return api;
  const metadata = new MetadataPool();
  const keep = (object: StoredObject): StoredObject =>
    (part === "metadata" ? withoutContent : withDigestOnly)(object, metadata.compact(object.metadata));
  return {
    async list(kind, options) {
      const page = await api.list(kind, options);
      return { ...page, items: page.items.map(keep) };
    },
    watch: (kind, options) => keptEvents(api.watch(kind, options), keep),
  };
}

async function* keptEvents(
  events: AsyncIterable<WatchEvent>,
  keep: (object: StoredObject) => StoredObject,
): AsyncGenerator<WatchEvent, void, undefined> {
  for await (const event of events) yield event.type === "bookmark" ? event : { ...event, object: keep(event.object) };
}

type Metadata = StoredObject["metadata"];
type Texts = Readonly<Record<string, string>>;

/** Different on every object: they would only push others out of the pool. */
const UNIQUE: ReadonlySet<string> = new Set(["uid", "resourceVersion"]);

/** Longer ones are documents, such as kubectl's last-applied-configuration, and seldom twice the same. */
const MAX_SHARED_LENGTH = 128;

/** Different values that are kept once: a full pool is a fraction of the objects that filled it. */
const MIN_SHARED = 4_096;

/** One instance of equal values: the labels of ten thousand copies are kept once. */
class MetadataPool {
  readonly #texts = new RecentMap<string, string>(MIN_SHARED);
  readonly #labels = new RecentMap<string, Texts>(MIN_SHARED);

  compact(metadata: Metadata): Metadata {
    const kept: Record<string, unknown> = { ...metadata };
    for (const field in kept) {
      const value = kept[field];
      if (typeof value === "string" && !UNIQUE.has(field)) kept[field] = this.#text(value);
    }
    const { labels, annotations } = metadata;
    if (labels !== undefined) kept["labels"] = this.#labels.getOrInsert(JSON.stringify(labels), deepFrozen(labels));
    if (annotations !== undefined) kept["annotations"] = this.#map(annotations);
    return kept as unknown as Metadata;
  }

  #map(texts: Texts): Texts {
    const kept: Record<string, string> = { ...texts };
    for (const key in kept) kept[key] = this.#text(kept[key] ?? "");
    return kept;
  }

  #text(text: string): string {
    return text.length > MAX_SHARED_LENGTH ? text : this.#texts.getOrInsert(text, text);
  }
}
