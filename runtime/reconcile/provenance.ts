/**
 * Whose an object is. A child is ours only when the marker label is there, the annotations are complete, and the
 * self-reference names the object that carries it: a copy made by hand of one of our children fails that last test.
 * Everything that writes or deletes asks here first.
 */
import { groupKind } from "../kube/kind.ts";
import type { KubeObject, ObjectName, StoredObject } from "../kube/object.ts";
import { objectKey } from "../kube/object.ts";

/** Everything under this prefix on a child is evenkeel's alone. */
export const OUR_PREFIX = "evenkeel.dev/";
export const FUNCTION_LABEL = `${OUR_PREFIX}function`;
export const OWNER = `${OUR_PREFIX}owner`;
export const OWNER_UID = `${OUR_PREFIX}owner-uid`;
export const SELF = `${OUR_PREFIX}self`;
/** What a function wanted of a child, in short: a field that it no longer wants shows in no comparison with the object. */
export const DIGEST = `${OUR_PREFIX}digest`;
/** The labels and annotations that a function wanted of a child which is updated as a whole: `annotations/folder,labels/app`. */
export const METADATA = `${OUR_PREFIX}metadata`;

/** The marks that the host alone sets, on labels and annotations alike. */
export const HOST_MARKS: ReadonlySet<string> = new Set([FUNCTION_LABEL, OWNER, OWNER_UID, SELF, DIGEST, METADATA]);

export interface Provenance {
  /** The function whose child it is. */
  readonly function: string;
  /** The object whose reconcile made it. `kind` is `ConfigMap` or, outside the core group, `Deployment.apps`. */
  readonly owner: ObjectName & { readonly kind: string; readonly uid: string };
}

/** Whose child `object` is; undefined when that is not proven. */
export function provenanceOf(object: KubeObject): Provenance | undefined {
  const { labels, annotations } = object.metadata;
  const owner = parseMark(annotations?.[OWNER]);
  const uid = annotations?.[OWNER_UID];
  const name = labels?.[FUNCTION_LABEL];
  if (owner === undefined || !uid || !name || annotations?.[SELF] !== markOf(object)) return undefined;
  return { function: name, owner: { ...owner, uid } };
}

/** The owner that `object` claims, as an index value, without proof: to find what may be a key's children. */
export function claimedOwner({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[OWNER];
}

/** Whether `object` is proven to be the child that `functionName` made for `owner` (by name: a recreated owner keeps its children). */
export function isChildOf(object: KubeObject, functionName: string, owner: KubeObject): boolean {
  return provenanceOf(object)?.function === functionName && claimedOwner(object) === markOf(owner);
}

/** `child` with the marks that make it `owner`'s. */
export function stamp<T extends KubeObject>(child: T, functionName: string, owner: StoredObject): T {
  return {
    ...child,
    metadata: {
      ...child.metadata,
      labels: { ...child.metadata.labels, [FUNCTION_LABEL]: functionName },
      annotations: {
        ...child.metadata.annotations,
        [OWNER]: markOf(owner),
        [OWNER_UID]: owner.metadata.uid,
        [SELF]: markOf(child),
      },
    },
  };
}

/**
 * How marks name an object: `ConfigMap/default/settings`, `Deployment.apps/default/web`, `Namespace/team-a`. Without the
 * version: a kind that is served in several shows each of its objects in all of them.
 */
export function markOf(object: KubeObject): string {
  return `${groupKind(object)}/${objectKey(object.metadata)}`;
}

function parseMark(text: string | undefined): (ObjectName & { readonly kind: string }) | undefined {
  const parts = text?.split("/") ?? [];
  if (parts.some((part) => part === "")) return undefined;
  const [kind, first, second] = parts;
  if (kind === undefined || first === undefined || parts.length > 3) return undefined;
  return second === undefined ? { kind, name: first } : { kind, namespace: first, name: second };
}
