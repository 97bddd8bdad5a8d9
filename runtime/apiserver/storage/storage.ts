/** Everything the server knows: one store per resource under one revision counter, as in etcd. */
import { type Clock, type Timer } from "../../clock/clock.ts";
import { versionTooLarge } from "../status.ts";
import { type HistoryLimits, ResourceStore } from "./resource-store.ts";

/** The real server waits this long for a revision that it has not seen yet. Source: cacher blockTimeout. */
const FRESHNESS_WAIT_MS = 3000;

interface Waiter {
  readonly revision: number;
  readonly done: () => void;
}

export class Storage {
  readonly #clock: Clock;
  readonly #limits: HistoryLimits;
  readonly #stores = new Map<string, ResourceStore>();
  readonly #waiters = new Set<Waiter>();
  #revision = 1;

  constructor(clock: Clock, limits: HistoryLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** The revision of the last write to anything. */
  get revision(): number {
    return this.#revision;
  }

  store(id: string): ResourceStore {
    let store = this.#stores.get(id);
    if (store === undefined) {
      store = new ResourceStore(this.#clock, this.#limits, () => this.#next());
      this.#stores.set(id, store);
    }
    return store;
  }

  /** Resolves when `revision` is reached. @throws ApiError 504 ResourceVersionTooLarge after three seconds. */
  async waitFor(revision: number): Promise<void> {
    if (revision <= this.#revision) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer: Timer = this.#clock.after(FRESHNESS_WAIT_MS, () => {
      this.#waiters.delete(waiter);
      reject(versionTooLarge(revision, this.#revision));
    });
    const waiter: Waiter = {
      revision,
      done: () => {
        timer.cancel();
        resolve();
      },
    };
    this.#waiters.add(waiter);
    await promise;
  }

  /** Forgets the past of every resource. An older resourceVersion is 410 Expired from now on. */
  compact(): void {
    for (const store of this.#stores.values()) store.compact(this.#revision);
  }

  #next(): number {
    this.#revision++;
    for (const waiter of this.#waiters) {
      if (waiter.revision > this.#revision) continue;
      this.#waiters.delete(waiter);
      waiter.done();
    }
    return this.#revision;
  }
}
