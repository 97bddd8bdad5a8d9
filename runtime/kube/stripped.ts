/** What is dropped from an object before anybody keeps it: `metadata.managedFields`, often half of its bytes, and nulls beside it. */
import type { StoredObject } from "./object.ts";

type Metadata = StoredObject["metadata"];

/** Anything but what an identity is made of may be null: a server that is not written in Go sends such. */
interface Received {
  readonly metadata: Pick<Metadata, "name" | "uid" | "resourceVersion"> & { readonly managedFields?: unknown };
}

/**
 * A copy of `object`, just parsed, without managedFields and with apiVersion and kind, which list items lack.
 * Rebuilt, never `delete`d: a deleted field leaves V8 with a dictionary in place of a compact object, half as big again.
 * Measured with the fields of a mirrored ConfigMap: 1251 → 731 heap bytes, 0.24 µs.
 */
export function stripped(object: Received, apiVersion: string, kind: string): StoredObject {
  return { apiVersion, kind, ...object, metadata: kept(object.metadata) };
}

/** As {@link stripped}, and without all but metadata. */
export function metadataAlone(object: Received, apiVersion: string, kind: string): StoredObject {
  return { apiVersion, kind, metadata: kept(object.metadata) };
}

/** In Kubernetes null means absent: of labels that nobody has, or a deletion that nobody asked for. To look costs 20 ns. */
function kept(received: Received["metadata"]): Metadata {
  const { managedFields: _, ...metadata } = received;
  const fields: Readonly<Record<string, unknown>> = metadata;
  for (const field in fields) if (fields[field] === null) return withoutNulls(metadata);
  return metadata;
}

function withoutNulls(metadata: Metadata): Metadata {
  const { name, uid, resourceVersion } = metadata;
  const set = Object.entries(metadata).filter(([, value]) => value !== null);
  return { ...Object.fromEntries(set), name, uid, resourceVersion };
}
