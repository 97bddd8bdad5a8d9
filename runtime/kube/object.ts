/** Kubernetes objects as they travel: plain JSON, timestamps as strings, never mutated once cached. */

interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  /** Absent on cluster-scoped objects. */
  readonly namespace?: string | undefined;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  /** RFC 3339, whole seconds, UTC. */
  readonly creationTimestamp?: string;
  /** Set once deletion was asked for; the object lives on until its finalizers are gone. */
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** An object that the API server has stored: it has an identity and a version. */
export type StoredObject = KubeObject & {
  readonly metadata: ObjectMeta & { readonly uid: string; readonly resourceVersion: string };
};

/** Names one object of a kind. `namespace` is absent for cluster-scoped kinds. */
export interface ObjectName {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** What a namespace can be called: RFC 1123. Source: apimachinery util/validation (IsDNS1123Label). */
export const DNS_LABEL: RegExp = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** `namespace/name`, or `name` alone for cluster-scoped objects: the form of every cache and workqueue key. */
export function objectKey({ namespace, name }: ObjectName): string {
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

/** The inverse of {@link objectKey}. */
export function parseKey(key: string): ObjectName {
  const slash = key.indexOf("/");
  return slash === -1 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** `2026-01-01T00:00:00.000000Z`: a V1MicroTime, RFC 3339 with microseconds, UTC. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace("Z", "000Z");
}

/**
 * Orders two resourceVersions of one resource type: negative when `a` is older.
 * They are decimal strings of up to 128 bits, so they are never turned into a Number.
 * @returns undefined when either is not a resourceVersion in that form; then only equality means anything.
 * Source: KEP-5504.
 */
export function compareResourceVersions(a: string, b: string): number | undefined {
  if (!isResourceVersion(a) || !isResourceVersion(b)) return a === b ? 0 : undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

function isResourceVersion(value: string): boolean {
  return /^(0|[1-9][0-9]{0,38})$/.test(value);
}
