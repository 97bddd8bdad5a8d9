/**
 * What a function wants done, as data. The host alone acts on it: `plan` compares it with what is there, the writer sends
 * what differs.
 */
import type { KubeObject } from "../kube/object.ts";

/** A child is the function's wish alone: nothing that only the server or the host may set. */
export type Child<W extends KubeObject> = W & {
  // Named once more: so the compiler takes a literal in a returned object for the literal it is.
  readonly apiVersion: W["apiVersion"];
  readonly kind: W["kind"];
  readonly metadata: {
    readonly uid?: undefined;
    readonly resourceVersion?: undefined;
    readonly ownerReferences?: undefined;
    readonly finalizers?: undefined;
  };
};

/** Names one particular object: a later object of the same name has another uid and is not meant. Any stored object is one. */
export interface Reference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
}

/** A Kubernetes Event on the object that was reconciled. Never put data values into it. */
export interface EventEffect {
  readonly type: "Normal" | "Warning";
  /** UpperCamelCase, at most 128 characters: `Conflict` */
  readonly reason: string;
  /** One sentence, at most 1 024 characters. */
  readonly message: string;
}

export interface ScaleEffect {
  readonly of: Reference;
  /** ≥ 0 */
  readonly replicas: number;
}

export interface Effects<W extends KubeObject = KubeObject> {
  /** The whole set of objects that this key wants: what is missing is created, what differs is updated, what is no longer
   * named is pruned. Absent: all are left as they are. `[]`: all are pruned. */
  readonly children?: readonly Child<W>[] | undefined;
  /** Objects of ours to delete. */
  readonly deletions?: readonly Reference[] | undefined;
  /** Objects of ours to let go: they stay, our label and annotations come off. */
  readonly releases?: readonly Reference[] | undefined;
  /** Fields of objects that somebody else owns, by server-side apply as field manager `evenkeel-FUNCTION`. */
  readonly apply?: readonly Child<W>[] | undefined;
  /** The status of the reconciled object, by server-side apply. Needs `status(KIND)` in `writes`. */
  readonly status?: Readonly<Record<string, unknown>> | undefined;
  readonly events?: readonly EventEffect[] | undefined;
  /** Needs `scale(KIND)` in `writes`. */
  readonly scale?: readonly ScaleEffect[] | undefined;
  /** Run this key again after so many milliseconds, whatever happens. */
  readonly requeueAfterMs?: number | undefined;
  /** Handed to this key's next run as `context.memo`. Lost at a restart: a cache, never a truth. */
  readonly memo?: unknown;
}

export const warning = (reason: string, message: string): EventEffect => ({ type: "Warning", reason, message });
export const normal = (reason: string, message: string): EventEffect => ({ type: "Normal", reason, message });

/** Throw it where trying again is pointless until an input changes: the key is not retried. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}
