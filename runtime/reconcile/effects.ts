/**
 * What a function wants done, as data. The host alone acts on it: `plan` compares it with what is there, the writer sends
 * what differs.
 */
import type { KubeObject } from "../kube/object.ts";

/** A child is the function's wish alone: nothing that only the server or the host may set. */
export type Child<W extends KubeObject> = W & {
  readonly metadata: {
    readonly uid?: undefined;
    readonly resourceVersion?: undefined;
    readonly ownerReferences?: undefined;
    readonly finalizers?: undefined;
  };
};

/** Some fields of an object that somebody else owns. Of a list whose items have a key, some items and some of their fields. */
export type Applied<F extends KubeObject> = Partly<F> & {
  readonly apiVersion: F["apiVersion"];
  readonly kind: F["kind"];
  readonly metadata: Child<F>["metadata"];
};

type Partly<T> = T extends object ? { readonly [Field in keyof T]?: Partly<T[Field]> } : T;

/** Names one particular object: a later object of the same name has another uid and is not meant. Any stored object is one. */
export interface Reference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly uid: string;
    readonly resourceVersion: string;
  };
}

/** A Kubernetes Event on the object that was reconciled. Never put data values into it. */
export interface EventEffect {
  readonly type: "Normal" | "Warning";
  /** UpperCamelCase, at most 128 characters: `Conflict` */
  readonly reason: string;
  /** One sentence. What is longer than 1 024 bytes of UTF-8 is cut. */
  readonly message: string;
}

export interface ScaleEffect {
  readonly of: Reference;
  /** ≥ 0 */
  readonly replicas: number;
}

/** @template W what may be a child.  @template F what fields may be applied to. */
export interface Effects<
  W extends KubeObject = KubeObject,
  F extends KubeObject = KubeObject extends W ? KubeObject : never,
> {
  /** The whole set of objects that this key wants: what is missing is created, what differs is updated, what is no longer
   * named is pruned. Absent: all are left as they are. `[]`: all are pruned. */
  readonly children?: readonly Child<W>[] | undefined;
  /** Objects of ours to delete. */
  readonly deletions?: readonly Reference[] | undefined;
  /** Objects of ours to let go: they stay, our label and annotations come off. */
  readonly releases?: readonly Reference[] | undefined;
  /**
   * Fields of objects that somebody else owns, by server-side apply as a field manager of this key's own,
   * `evenkeel-FUNCTION-HASH`. Nothing is created: an object that is absent is waited for. A field that another manager holds, such
   * as another key, stays as it is, and an Event says whose it is. A field that is no longer named goes with the next
   * change of one that is, unless somebody else applies it too: to leave one out sends nothing. An object that is no longer named
   * keeps what it has. Needs `fields(KIND)` in `writes`.
   */
  readonly apply?: readonly Applied<F>[] | undefined;
  /** The status of the reconciled object, by server-side apply. Needs `status(KIND)` in `writes`. */
  readonly status?: Readonly<Record<string, unknown>> | undefined;
  readonly events?: readonly EventEffect[] | undefined;
  /** Needs `scale(KIND)` in `writes`. */
  readonly scale?: readonly ScaleEffect[] | undefined;
  /** Run this key again after so many milliseconds, whatever happens; less than a second counts as one. */
  readonly requeueAfterMs?: number | undefined;
  /** Handed to this key's next run as `context.memo`. Absent: the former one stays. Lost at a restart: a cache, never a truth. */
  readonly memo?: unknown;
}

/**
 * An Event that somebody should look at.
 * @param reason UpperCamelCase, at most 128 characters
 * @param message one sentence, without data values
 */
export const warning = (reason: string, message: string): EventEffect => ({ type: "Warning", reason, message });
/** An Event that is good to know. As {@link warning}. */
export const normal = (reason: string, message: string): EventEffect => ({ type: "Normal", reason, message });

/** Throw it where trying again is pointless until an input changes: the key is not retried. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}
