/**
 * Doubts a relist that loses a large part of a kind: a wrong list looks like a mass deletion, and copies would be deleted
 * for it. While in doubt, deletions are held; two later lists that both lack the lost objects end the doubt, and one that
 * shows them has the store repaired.
 *
 *     trusting ──relist loses > max(10, 20 %)──→ holding ──lacking in 2 lists, 30 s apart──→ trusting
 *                                                 │   ↑ still lacking in the store
 *                                     shown in a list └──relist──┐
 *                                                 └──────────────┴──all back in the store──→ trusting
 */
import { sleep, type Clock } from "../clock/clock.ts";
import { compareResourceVersions, objectKey, type StoredObject } from "../kube/object.ts";
import { formatQuery } from "../kube/query.ts";
import type { ListWatch } from "./holding.ts";
import { listAll, type Snapshot } from "./list-all.ts";
import type { Change, Store } from "./store.ts";

/** A relist may lose so many without doubt: the larger of the two. */
const UNDOUBTED_COUNT = 10;
const UNDOUBTED_SHARE = 0.2;

const CONFIRMATIONS = 2;
const CONFIRM_EVERY_MS = 30_000;

interface DropGuardSink {
  /** None of these may throw. */
  held(reason: string): void;
  released(reason: string): void;
  /** A confirming list failed; it is tried again. */
  failed(error: unknown): void;
}

export class DropGuard {
  readonly #api: ListWatch;
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #relist: () => void;
  readonly #sink: DropGuardSink;
  readonly #stop = new AbortController();
  /** Key → uid of what relists lost and nothing has confirmed. Empty: trusting. */
  readonly #lost = new Map<string, string>();
  /** Version of the relist in doubt. The store itself moves on with every event. */
  #doubtedAt = "";
  #confirmationCount = 0;
  #confirming: Promise<void> | undefined;

  /** @param options.relist has the store's Reflector take a new list. */
  constructor(options: {
    readonly api: ListWatch;
    readonly clock: Clock;
    readonly store: Store;
    readonly relist: () => void;
    readonly sink: DropGuardSink;
  }) {
    this.#api = options.api;
    this.#clock = options.clock;
    this.#store = options.store;
    this.#relist = options.relist;
    this.#sink = options.sink;
  }

  /** Why deletions are to be held, or undefined when they are not. */
  get reason(): string | undefined {
    if (this.#lost.size === 0) return undefined;
    const what = `relist of ${formatQuery(this.#store.query)} lost ${this.#lost.size} objects`;
    return `${what}; ${this.#confirmationCount} of ${CONFIRMATIONS} lists have confirmed it`;
  }

  /** To be called before anybody else hears of `changes`, so that no deletion is decided between. */
  relisted(changes: readonly Change[], sizeBefore: number): void {
    this.#forgetPresent();
    const gone = changes.filter(({ after, origin }) => after === undefined && origin === "relist");
    if (gone.length <= Math.max(UNDOUBTED_COUNT, UNDOUBTED_SHARE * sizeBefore)) return;
    for (const { key, before } of gone) if (before !== undefined) this.#lost.set(key, before.metadata.uid);
    this.#doubtedAt = this.#store.resourceVersion ?? "";
    this.#confirmationCount = 0;
    this.#sink.held(this.reason ?? "");
    this.#confirming ??= this.#confirm();
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#confirming;
  }

  async #confirm(): Promise<void> {
    const { signal } = this.#stop;
    while (this.#lost.size > 0 && !signal.aborted) {
      try {
        this.#weigh(await listAll(this.#api, this.#store.query, signal));
      } catch (error) {
        if (!signal.aborted) this.#sink.failed(error);
      }
      if (this.#lost.size > 0) await sleep(this.#clock, CONFIRM_EVERY_MS, signal);
    }
    this.#confirming = undefined;
  }

  #weigh({ objects, resourceVersion }: Snapshot): void {
    const order = compareResourceVersions(resourceVersion, this.#doubtedAt);
    // A list from before the one in doubt shows what was then.
    if (order !== undefined && order < 0) return;
    this.#forgetPresent();
    if (this.#lost.size === 0) return;
    if (objects.some((object) => this.#isLost(object))) {
      this.#confirmationCount = 0;
      this.#relist();
      return;
    }
    if (++this.#confirmationCount < CONFIRMATIONS) return;
    const reason = `${CONFIRMATIONS} lists confirm that ${this.#lost.size} objects are gone`;
    this.#lost.clear();
    this.#sink.released(reason);
  }

  #isLost({ metadata }: StoredObject): boolean {
    return this.#lost.get(objectKey(metadata)) === metadata.uid;
  }

  /** What is in the store again was not lost. */
  #forgetPresent(): void {
    if (this.#lost.size === 0) return;
    for (const [key, uid] of this.#lost) if (this.#store.get(key)?.metadata.uid === uid) this.#lost.delete(key);
    if (this.#lost.size === 0) this.#sink.released("the objects are back");
  }
}
