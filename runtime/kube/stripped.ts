/** What is dropped from an object before anybody keeps it: `metadata.managedFields`, often half of its bytes. */
import type { StoredObject } from "./object.ts";

interface Received {
  readonly metadata: StoredObject["metadata"] & { readonly managedFields?: unknown };
}

/**
 * A copy of `object`, just parsed, without managedFields and with apiVersion and kind, which list items lack.
 * Rebuilt, never `delete`d: a deleted field leaves V8 with a dictionary in place of a compact object, half as big again.
 * Measured with the fields of a mirrored ConfigMap: 1251 → 731 heap bytes, 0.24 µs.
 */
export function stripped(object: Received, apiVersion: string, kind: string): StoredObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { apiVersion, kind, ...object, metadata };
}

/** As {@link stripped}, and without all but metadata. */
export function metadataAlone(object: Received, apiVersion: string, kind: string): StoredObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { apiVersion, kind, metadata };
}
