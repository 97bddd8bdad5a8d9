/**
 * Removes each copy whose source is gone: deleted, or no longer labelled, also while nobody was watching. Where the source
 * asked to retain them, copies are let go instead; that a copy does not show this yet is remembered until the host restarts.
 */
import { ConfigMap, defineFunction, metadataOf } from "#evenkeel";
import { copies, isRetained, sourceOf, sources } from "./lib/copy.ts";

export default defineFunction({
  watches: copies,
  reads: [sources], // As mirror watches them: one watch for both.
  writes: [ConfigMap],
  reconcile(copy, cache, { memo }) {
    const owner = sourceOf(copy);
    if (owner === undefined) return {}; // Not provably ours: left alone.
    const isMarked = isRetained(copy);
    const source = cache.get(metadataOf(sources), owner);
    if (source !== undefined) return { memo: isRetained(source) === isMarked ? undefined : isRetained(source) };
    return (memo ?? isMarked) === true ? { releases: [copy] } : { deletions: [copy] };
  },
});
