/** Removes each copy whose source is gone: deleted, or no longer labelled, also while nobody was watching. */
import { ConfigMap, defineFunction } from "#evenkeel";
import { copies, RETAIN, sourceOf, sources } from "./lib/copy.ts";

export default defineFunction({
  watches: copies,
  reads: [sources],
  writes: [ConfigMap],
  reconcile(copy, cache) {
    const source = sourceOf(copy);
    if (source === undefined) return {}; // Not provably ours: left alone.
    if (cache.get(sources, source) !== undefined) return {};
    return copy.metadata.annotations?.[RETAIN] === "true" ? { releases: [copy] } : { deletions: [copy] };
  },
});
