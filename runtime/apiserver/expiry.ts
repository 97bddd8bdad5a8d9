/** Forgets objects of kinds that do not last, as etcd does by lease: events go an hour after their last write. */
import type { Clock, Timer } from "../clock/clock.ts";
import type { Resource } from "./resources/resource.ts";
import type { ResourceStore } from "./storage/resource-store.ts";
import type { Storage } from "./storage/storage.ts";

export class Expiry {
  readonly #stops: readonly (() => void)[];

  constructor(clock: Clock, storage: Storage, resources: readonly Resource[]) {
    this.#stops = resources.flatMap(({ storage: id, ttlMs }) =>
      ttlMs === undefined ? [] : [expire(clock, storage.store(id), ttlMs)],
    );
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }
}

/** @returns the way to stop. */
function expire(clock: Clock, store: ResourceStore, ttlMs: number): () => void {
  /** Key → when it goes. Written again, a key moves to the end: so the first is always the next to go. */
  const dueMs = new Map<string, number>();
  let timer: Timer | undefined;
  const schedule = (): void => {
    const [next] = dueMs.values();
    timer = next === undefined ? undefined : clock.after(next - clock.now(), deleteDue);
  };
  const deleteDue = (): void => {
    timer = undefined;
    for (const [key, due] of dueMs) {
      if (due > clock.now()) break;
      store.delete(key);
    }
    schedule();
  };
  const unsubscribe = store.subscribe(({ key, after }) => {
    dueMs.delete(key);
    if (after === undefined) return;
    dueMs.set(key, clock.now() + ttlMs);
    if (timer === undefined && dueMs.size === 1) schedule();
  });
  return () => {
    unsubscribe();
    timer?.cancel();
  };
}
