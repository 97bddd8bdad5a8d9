/**
 * Removes each copy whose source is gone: deleted, or no longer labelled, also while nobody was watching. Where the source
 * asked to retain them, copies are let go instead; what it last asked for counts before what the copy shows of it.
 */
import { ConfigMap, defineFunction, metadataOf } from "#evenkeel";
import { copies, isMade, isRetained, sourceOf, sources } from "./lib/copy.ts";

export default defineFunction({
  watches: copies,
  reads: [sources], // As mirror watches them: one watch for both.
  writes: [ConfigMap],
  reconcile(copy, cache) {
    const owner = sourceOf(copy);
    if (owner === undefined) return {}; // Not provably ours: left alone.
    const source = cache.get(metadataOf(sources), owner);
    if (source !== undefined && !isMade(source)) return {};
    const last = cache.departed(sources, owner) ?? copy;
    return isRetained(last) ? { releases: [copy] } : { deletions: [copy] };
  },
});
