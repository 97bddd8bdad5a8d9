/**
 * Children that cannot be written for now, and when each may be tried again: a name taken by a stranger, a namespace on its
 * way out, an object that somebody else keeps changing back. The rest of the key goes on without them.
 */
import type { Clock } from "../clock/clock.ts";
import { backoffMs } from "../clock/clock.ts";
import type { Provenance } from "./provenance.ts";

export type BlockReason = "not_ours" | "terminating" | "not_found" | "denied" | "not_converging";

/** What the server said against a wish. */
interface Refusal {
  readonly message: string;
  /** Of the wish that it refused, as contentOf says; undefined where the write has none. */
  readonly content?: string | undefined;
}

/** What is known beside the reason. */
interface Cause {
  readonly refusal?: Refusal;
  /** Whose child the object is that has taken the name; undefined for a stranger. */
  readonly holder?: Provenance | undefined;
}

export interface Block extends Cause {
  readonly reason: BlockReason;
  readonly namespace: string | undefined;
  readonly nextTryMs: number;
  readonly tries: number;
}

/** First and longest pause. A taken name is looked at with reads alone; the others cost a write that the server refuses. */
const PAUSES: Readonly<Record<BlockReason, { readonly baseMs: number; readonly capMs: number }>> = {
  not_ours: { baseMs: 5_000, capMs: 60_000 },
  terminating: { baseMs: 30_000, capMs: 600_000 },
  not_found: { baseMs: 5_000, capMs: 300_000 },
  denied: { baseMs: 1_000, capMs: 300_000 },
  not_converging: { baseMs: 600_000, capMs: 600_000 },
};

/** What no other object or namespace explains: somebody has to look. */
const FAILURES: ReadonlySet<BlockReason> = new Set(["not_found", "denied", "not_converging"]);

export const BLOCK_REASONS = Object.keys(PAUSES) as readonly BlockReason[];

const NONE: ReadonlyMap<string, Block> = new Map();

export class Blocked {
  readonly #clock: Clock;
  /** Made when it is needed: nearly every key goes without. */
  #made: Map<string, Block> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get #blocks(): ReadonlyMap<string, Block> {
    return this.#made ?? NONE;
  }

  get size(): number {
    return this.#blocks.size;
  }

  /** By target, for people. */
  get all(): ReadonlyMap<string, Block> {
    return this.#blocks;
  }

  get(target: string): Block | undefined {
    return this.#blocks.get(target);
  }

  /** What is blocked for this reason. */
  targets(reason: BlockReason): readonly string[] {
    return [...this.#blocks].flatMap(([target, block]) => (block.reason === reason ? [target] : []));
  }

  /** Whether something has failed and is only left out for now. */
  get hasFailure(): boolean {
    return this.#blocks.values().some(({ reason }) => FAILURES.has(reason));
  }

  /** Blocks `target`, longer each time. @returns whether that is news. */
  block(target: string, reason: BlockReason, namespace: string | undefined, cause?: Cause): boolean {
    const before = this.#blocks.get(target);
    const tries = before?.reason === reason ? before.tries + 1 : 0;
    const pauseMs = backoffMs(this.#clock, tries, { ...PAUSES[reason], jitter: 0.2 });
    const nextTryMs = this.#clock.now() + pauseMs;
    (this.#made ??= new Map()).set(target, { ...cause, reason, namespace, tries, nextTryMs });
    return before?.reason !== reason;
  }

  /** Whether `target` must be left out of this run. */
  isHeld(target: string): boolean {
    const block = this.#blocks.get(target);
    return block !== undefined && block.nextTryMs > this.#clock.now();
  }

  clear(target: string): void {
    this.#made?.delete(target);
  }

  /** Something happened to a namespace: what was blocked by its state may be tried at once. */
  clearNamespace(namespace: string): void {
    for (const [target, block] of this.#blocks) {
      if (block.namespace === namespace && (block.reason === "terminating" || block.reason === "not_found"))
        this.#made?.delete(target);
    }
  }

  /** Forgets blocks of targets that are no longer wished for. */
  keepOnly(targets: ReadonlySet<string>): void {
    for (const target of this.#blocks.keys()) if (!targets.has(target)) this.#made?.delete(target);
  }

  /**
   * Milliseconds until the first may be tried again; undefined when there is none to wait for.
   * @param sinceMs when the run began. Blocks that had expired by then were that run's to try, so they are not waited for.
   */
  nextTryInMs(sinceMs: number): number | undefined {
    let next: number | undefined;
    for (const { nextTryMs } of this.#blocks.values())
      if (nextTryMs > sinceMs) next = Math.min(next ?? nextTryMs, nextTryMs);
    return next === undefined ? undefined : Math.max(0, next - this.#clock.now());
  }
}
