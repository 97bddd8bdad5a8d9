/**
 * The breaker against tug-of-war: how often each object of a key was written while the wish stayed the same. A function alone
 * writes once; more means that somebody else writes the object back. It is another wish only when both what the function was
 * given and what it wants have changed: a source that is touched every second wants nothing new, and neither does a function
 * that makes up something else at each run. Creates are counted apart: an object that was fought over and is gone has to come back.
 */
import { hash } from "node:crypto";
import { wishedMetadata } from "./metadata-keys.ts";

/** Generous to a person who mends things by hand, and still far from a loop. */
const MAX_REWRITES = 10;
const WINDOW_MS = 600_000;

export interface Wish {
  /** Names what the function was given. Undefined where it tells nothing: a status is the source's own. */
  readonly inputs: string | undefined;
  /** The content that is wanted. */
  readonly body: object;
  /** Nothing is there. */
  readonly isCreate: boolean;
}

interface Known {
  readonly inputs: string | undefined;
  /** Of what was written; undefined for a first write, which is nearly always the last. A second one counts as its equal. */
  readonly digest: string | undefined;
  readonly sinceMs: number;
  readonly createCount: number;
  readonly rewriteCount: number;
}

export class Rewrites {
  /** Made when it is needed: most keys write nothing. */
  #known: Map<string, Known> | undefined;

  get size(): number {
    return this.#known?.size ?? 0;
  }

  /**
   * Forgets targets that are no longer wished for: whoever deletes what stood there does not write it back.
   * @param nowMs given where not all is known that is wished for: what counts for anything then is kept
   */
  keepOnly(targets: ReadonlySet<string>, nowMs = Infinity): void {
    for (const [target, known] of this.#known ?? [])
      if (!targets.has(target) && isOver(known, nowMs)) this.#known?.delete(target);
  }

  /** Whether one more write to `target` would be one too many. */
  isTooMany(target: string, wish: Wish, nowMs: number): boolean {
    const known = this.#known?.get(target);
    if (known === undefined || isOver(known, nowMs)) return false;
    // Only where it matters: the content of a wish is a hash.
    const count = wish.isCreate ? known.createCount : known.rewriteCount;
    return count >= MAX_REWRITES && isSameWish(known, wish.inputs, contentOf(wish));
  }

  /** A write to `target` was carried out. */
  wrote(target: string, wish: Wish, nowMs: number): void {
    this.#known ??= new Map();
    const known = this.#known.get(target);
    const digest = known === undefined ? undefined : contentOf(wish);
    const former =
      known !== undefined && isSameWish(known, wish.inputs, digest) && !isOver(known, nowMs) ? known : undefined;
    const { sinceMs = nowMs, createCount = 0, rewriteCount = 0 } = former ?? {};
    this.#known.set(target, {
      inputs: wish.inputs,
      digest,
      sinceMs,
      createCount: createCount + (wish.isCreate ? 1 : 0),
      rewriteCount: rewriteCount + (wish.isCreate ? 0 : 1),
    });
  }
}

function isSameWish(known: Known, inputs: string | undefined, digest: string | undefined): boolean {
  const isOfSameInputs = inputs !== undefined && known.inputs === inputs;
  return isOfSameInputs || known.digest === undefined || known.digest === digest;
}

function isOver({ sinceMs }: Known, nowMs: number): boolean {
  return nowMs - sinceMs > WINDOW_MS;
}

/** What is wanted, in short. Of the metadata no more than the wish names: the rest is what is replaced, and the labels of others. */
export function contentOf(wish: Wish | undefined): string | undefined {
  return wish && hash("sha1", JSON.stringify({ ...wish.body, metadata: wishedMetadata(wish.body) }), "base64");
}
