/**
 * Workqueue: the keys that are to be worked on. It promises
 *
 * - Stingy: a key that is added many times before it is taken runs once.
 * - Never twice at the same time: a key that is added while it is processed becomes dirty and runs once more when done.
 * - Fair: first in, first out within a priority. High goes before low, but low never starves.
 * - Never too early: a delayed key is not ready before its time. Of several wishes the earliest time and the highest
 *   priority win.
 * - Nothing kept: a queue that is empty holds no trace of the keys it had, except failures that were not forgotten.
 *
 * An add without delay takes the place of a pending delayed one (controller-runtime's rule, not client-go's). Every run
 * ends by saying when it wants to run again, so a delay that was set before that run is out of date; keeping it would only
 * buy a run for nothing.
 *
 * Not promised: order between keys of different priority, and anything at all across a restart.
 */
import type { Clock, Timer } from "../clock/clock.ts";
import { FleetingMap } from "../collections/fleeting-map.ts";
import { EvenkeelError } from "../kube/errors.ts";
import type { WorkqueueObserver } from "../trace/workqueue-observer.ts";
import { DelayHeap } from "./delay-heap.ts";
import { EntryList, newEntry, type Entry, type Priority } from "./entry.ts";
import { exponentialLimiter, type RateLimiter } from "./rate-limiter.ts";

/** A key handed to a worker, who must call `done(key)` in the end. */
export interface Item {
  readonly key: string;
  readonly priority: Priority;
  /** How long it was ready; delays and the run before are not part of it. */
  readonly queuedMs: number;
}

interface AddOptions {
  /** Default `high`. */
  readonly priority?: Priority | undefined;
}

interface RateLimitedOptions extends AddOptions {
  /** Not sooner, whatever the rate limiter says. Default 0. */
  readonly atLeastMs?: number | undefined;
}

interface WorkqueueOptions {
  readonly clock: Clock;
  /** Called in a microtask after keys became ready, once for all that did so in the same turn. Then take until full. */
  readonly onReady?: (() => void) | undefined;
  /** Default {@link exponentialLimiter}: keys do not affect each other. */
  readonly limiter?: RateLimiter | undefined;
  readonly observer?: WorkqueueObserver | undefined;
}

/** While low keys wait, one of them is taken after so many high ones: a relist is worked off under any load, at ≥ 1/9 of it. */
export const HIGH_PER_LOW = 8;

export class Workqueue {
  readonly #clock: Clock;
  readonly #onReady: (() => void) | undefined;
  readonly #limiter: RateLimiter;
  readonly #observer: WorkqueueObserver | undefined;

  /** Every key that is ready, delayed or processing; see Entry for which. */
  readonly #entries = new FleetingMap<string, Entry>();
  readonly #ready: Readonly<Record<Priority, EntryList>> = { high: new EntryList(), low: new EntryList() };
  readonly #processing = new EntryList();
  readonly #delayed = new DelayHeap();

  /** How many high keys in a row were taken while a low one waited. */
  #highStreak = 0;
  #isWakePending = false;
  #timer: Timer | undefined;
  #timerDueMs = Infinity;
  #isShutDown = false;

  constructor({ clock, onReady, limiter = exponentialLimiter(), observer }: WorkqueueOptions) {
    this.#clock = clock;
    this.#onReady = onReady;
    this.#limiter = limiter;
    this.#observer = observer;
  }

  /** Makes `key` ready, or dirty if it is being processed. Ignored after shutDown. */
  add(key: string, { priority = "high" }: AddOptions = {}): void {
    if (!this.#isShutDown) this.#wishNow(this.#entry(key), priority);
  }

  /**
   * Makes `key` ready after a delay, unless it is to run sooner anyway. Ignored after shutDown.
   * @param delayMs ≤ 0 adds it now
   */
  addAfter(key: string, delayMs: number, { priority = "high" }: AddOptions = {}): void {
    if (this.#isShutDown) return;
    this.#observer?.retried();
    // Not `delayMs <= 0`: NaN has to run too, rather than poison the order of the heap.
    if (delayMs > 0) this.#wishLater(this.#entry(key), this.#clock.now() + delayMs, priority);
    else this.#wishNow(this.#entry(key), priority);
  }

  /**
   * Counts a failure of `key` and adds it after the delay that the rate limiter says. Does not replace `done`.
   * @returns the delay; undefined after shutDown
   */
  addRateLimited(key: string, { atLeastMs = 0, priority }: RateLimitedOptions = {}): number | undefined {
    if (this.#isShutDown) return undefined;
    const delayMs = Math.max(atLeastMs, this.#limiter.delayMs(key));
    this.addAfter(key, delayMs, { priority });
    return delayMs;
  }

  /** Ends the back-off of `key`. To be called when it succeeded and when it is given up; does not replace `done`. */
  forget(key: string): void {
    this.#limiter.forget(key);
  }

  /** How many failures of `key` in a row were counted by addRateLimited. */
  retries(key: string): number {
    return this.#limiter.retries(key);
  }

  /** Hands out the next ready key, or undefined when there is none. Keys being processed are never among them. */
  take(): Item | undefined {
    const entry = this.#next();
    if (entry === undefined) return undefined;
    const nowMs = this.#clock.now();
    const { key, priority } = entry;
    const queuedMs = nowMs - entry.enteredMs;
    this.#ready[priority].remove(entry);
    entry.wish = "none";
    entry.isProcessing = true;
    entry.enteredMs = nowMs;
    this.#processing.push(entry);
    this.#observer?.taken(queuedMs);
    return { key, priority, queuedMs };
  }

  /** @throws EvenkeelError BUG when `key` is not being processed */
  done(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || !entry.isProcessing)
      throw new EvenkeelError("BUG", `workqueue: done("${key}") of a key that is not being processed`);
    this.#processing.remove(entry);
    entry.isProcessing = false;
    this.#observer?.done(this.#clock.now() - entry.enteredMs);
    if (entry.wish === "now") this.#makeReady(entry);
    else if (entry.wish === "none") this.#entries.delete(key);
  }

  /** How many keys are ready. */
  get length(): number {
    return this.#ready.high.length + this.#ready.low.length;
  }

  get delayedCount(): number {
    return this.#delayed.length;
  }

  get processingCount(): number {
    return this.#processing.length;
  }

  isProcessing(key: string): boolean {
    return this.#entries.get(key)?.isProcessing ?? false;
  }

  /** How many keys of one priority are ready. */
  depth(priority: Priority): number {
    return this.#ready[priority].length;
  }

  /** How long the keys that are being processed have been so: all together, and the one that began first. */
  unfinishedWork(): { readonly totalMs: number; readonly longestMs: number } {
    const nowMs = this.#clock.now();
    let totalMs = 0;
    for (const { enteredMs } of this.#processing) totalMs += nowMs - enteredMs;
    return { totalMs, longestMs: nowMs - (this.#processing.first?.enteredMs ?? nowMs) };
  }

  /** Refuses new keys and drops the delayed ones; what is ready or dirty can still be taken. Idempotent. */
  shutDown(): void {
    this.#isShutDown = true;
    this.#timer?.cancel();
    for (const entry of this.#delayed.clear()) {
      entry.wish = "none";
      if (!entry.isProcessing) this.#entries.delete(entry.key);
    }
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = newEntry(key);
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #wishNow(entry: Entry, priority: Priority): void {
    if (entry.wish === "now") {
      this.#raise(entry, priority);
      return;
    }
    if (entry.wish === "later") {
      this.#delayed.remove(entry);
      this.#raise(entry, priority);
    } else entry.priority = priority;
    entry.wish = "now";
    if (!entry.isProcessing) this.#makeReady(entry);
  }

  #wishLater(entry: Entry, dueMs: number, priority: Priority): void {
    if (entry.wish === "none") {
      entry.wish = "later";
      entry.priority = priority;
      entry.dueMs = dueMs;
      this.#delayed.push(entry);
    } else {
      this.#raise(entry, priority);
      if (entry.wish === "now" || entry.dueMs <= dueMs) return;
      entry.dueMs = dueMs;
      this.#delayed.hastened(entry);
    }
    this.#armTimer();
  }

  /** A raised key goes to the end of the high ones: it overtakes the low, not those that were high before it. */
  #raise(entry: Entry, priority: Priority): void {
    if (priority === "low" || entry.priority === "high") return;
    entry.priority = "high";
    if (entry.wish !== "now" || entry.isProcessing) return;
    this.#ready.low.remove(entry);
    this.#ready.high.push(entry);
  }

  #makeReady(entry: Entry): void {
    entry.enteredMs = this.#clock.now();
    this.#ready[entry.priority].push(entry);
    this.#observer?.added();
    if (this.#isWakePending || this.#onReady === undefined) return;
    this.#isWakePending = true;
    queueMicrotask(this.#wake);
  }

  /** In a turn of its own: who adds is not made to run the worker, and all that was added together is seen together. */
  readonly #wake = (): void => {
    this.#isWakePending = false;
    this.#onReady?.();
  };

  #next(): Entry | undefined {
    const high = this.#ready.high.first;
    const low = this.#ready.low.first;
    const isLowsTurn = high === undefined || (low !== undefined && this.#highStreak >= HIGH_PER_LOW);
    this.#highStreak = isLowsTurn || low === undefined ? 0 : this.#highStreak + 1;
    return isLowsTurn ? low : high;
  }

  /** One timer for the whole heap. It may fire early, after its entry was taken away or hastened; then it is set anew. */
  #armTimer(): void {
    const dueMs = this.#delayed.first?.dueMs;
    if (dueMs === undefined || dueMs >= this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    this.#timer = this.#clock.after(dueMs - this.#clock.now(), this.#makeDueReady);
  }

  readonly #makeDueReady = (): void => {
    this.#timerDueMs = Infinity;
    const nowMs = this.#clock.now();
    for (let entry = this.#delayed.first; entry !== undefined && entry.dueMs <= nowMs; entry = this.#delayed.first)
      this.#wishNow(entry, entry.priority);
    this.#armTimer();
  };
}
