/**
 * Read-your-writes, per key: what a run wrote, until the cache has seen it. A key whose own writes are still on their way is
 * not run again (it would repeat them), and the events that only echo them do not wake it.
 */
import type { Change } from "../cache/store.ts";
import { objectId, type Kind } from "../kube/kind.ts";
import { objectKey, type ObjectName, type StoredObject } from "../kube/object.ts";
import { provenanceOf } from "./provenance.ts";

/** What the cache can say about one object. */
export interface Seen {
  /** Whether what happened to this object up to `resourceVersion` is in the cache, or never will be. */
  hasSeen(kind: Kind, name: ObjectName, resourceVersion: string): boolean;
  find(kind: Kind, name: ObjectName): StoredObject | undefined;
}

type Written = { readonly kind: Kind; readonly name: ObjectName } & (
  | { readonly resourceVersion: string; readonly uid?: undefined }
  /** The object with this uid is gone, or was let go. */
  | { readonly uid: string; readonly resourceVersion?: undefined }
);

export class OwnWrites {
  readonly #written = new Map<string, Written>();
  readonly #unseen = new Set<string>();

  /** A write was answered with this version. */
  wrote(kind: Kind, name: ObjectName, resourceVersion: string): void {
    this.#note({ kind, name, resourceVersion });
  }

  /** A deletion was accepted, or an object was let go. */
  removed(kind: Kind, name: ObjectName, uid: string): void {
    this.#note({ kind, name, uid });
  }

  /** Looks what the cache has seen by now: of all writes, or of the one to `id`. */
  look(cache: Seen, id?: string): void {
    for (const each of id === undefined ? this.#unseen : [id]) {
      const written = this.#written.get(each);
      if (written !== undefined && isSeen(written, cache)) this.#unseen.delete(each);
    }
  }

  /** What the cache had not seen at the last look. */
  get unseen(): ReadonlySet<string> {
    return this.#unseen;
  }

  /** Whether `change` is exactly what we wrote, and so tells us nothing. */
  isEcho(id: string, { after, before }: Pick<Change, "after" | "before">): boolean {
    const written = this.#written.get(id);
    if (written === undefined) return false;
    if (written.uid !== undefined)
      return (after ?? before)?.metadata.uid === written.uid && isLetGo(after, written.uid);
    return after?.metadata.resourceVersion === written.resourceVersion;
  }

  #note(written: Written): void {
    const id = objectId(written.kind, objectKey(written.name));
    this.#written.set(id, written);
    this.#unseen.add(id);
  }
}

function isSeen({ kind, name, uid, resourceVersion }: Written, cache: Seen): boolean {
  return uid === undefined ? cache.hasSeen(kind, name, resourceVersion) : isLetGo(cache.find(kind, name), uid);
}

/** The object with this uid is gone, or on its way out (its finalizers may take for ever), or carries our marks no more. */
function isLetGo(found: StoredObject | undefined, uid: string): boolean {
  return (
    found === undefined ||
    found.metadata.uid !== uid ||
    found.metadata.deletionTimestamp !== undefined ||
    provenanceOf(found) === undefined
  );
}
