/**
 * The initial events of a WatchList, collected aside until the server says that they are complete. A server that does not
 * know WatchList ignores the option and answers with an ordinary watch; what it sends, or does not send, shows that here.
 */
import type { Clock } from "../clock/clock.ts";
import { QuietTimer } from "../clock/quiet-timer.ts";
import type { WatchEvent } from "../kube/api.ts";
import { objectKey, type StoredObject } from "../kube/object.ts";

/**
 * How long after the last initial event their end may take to come. Initial events are one run of ADDED; any other event ends
 * the run, and so does {@link MAX_RUN_MS}. A server that knows WatchList sends the end within a second of having caught up
 * with its storage. One that was only slow is listed instead, which costs nothing but the time.
 * Source: k8s.io/apiserver pkg/storage/cacher/cache_watcher.go.
 */
const DUE_MS = 30_000;

/** The least that a watch is granted: a longer run could be cut off before its end. */
const MAX_RUN_MS = 300_000;

type Bookmark = Extract<WatchEvent, { readonly type: "bookmark" }>;

export class InitialEvents {
  readonly #clock: Clock;
  readonly #objects = new Map<string, StoredObject>();
  readonly #runUntilMs: number;
  readonly #quiet: QuietTimer;
  readonly #giveUp: () => void;
  #isRun = true;
  #isUnknown = false;

  /** @param giveUp is called when the end that is due has not come, or will not. */
  constructor(clock: Clock, giveUp: () => void) {
    this.#clock = clock;
    this.#giveUp = giveUp;
    this.#runUntilMs = clock.now() + MAX_RUN_MS;
    this.#quiet = new QuietTimer(clock, DUE_MS, giveUp);
  }

  get isGivenUp(): boolean {
    return this.#isUnknown || this.#quiet.isOver;
  }

  /** Whether the server has shown that it does not know WatchList. */
  get isUnknown(): boolean {
    return this.#isUnknown;
  }

  /** What is there, as far as it was told. */
  get objects(): Iterable<StoredObject> {
    return this.#objects.values();
  }

  /** @returns the version at which they are complete, once they are. */
  take(event: WatchEvent): string | undefined {
    this.#isRun &&= event.type === "added" && this.#clock.now() < this.#runUntilMs;
    if (this.#isRun) this.#quiet.heard();
    if (event.type === "bookmark") return this.#bookmark(event);
    const key = objectKey(event.object.metadata);
    if (event.type === "deleted") this.#objects.delete(key);
    else this.#objects.set(key, event.object);
    return undefined;
  }

  stop(): void {
    this.#quiet.cancel();
  }

  /** The first one of a server that knows WatchList is the end. */
  #bookmark({ resourceVersion, isInitialEventsEnd }: Bookmark): string | undefined {
    if (isInitialEventsEnd) return resourceVersion;
    this.#isUnknown = true;
    this.#giveUp();
    return undefined;
  }
}
