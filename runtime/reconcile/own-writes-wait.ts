/**
 * Keeps a key out of the workers' hands until the cache shows what it wrote: it would repeat that. No worker waits meanwhile.
 * After a deadline the key goes on with what the cache shows: its writes are guarded by preconditions all the same.
 */
import type { Clock } from "../clock/clock.ts";
import { FleetingMap } from "../collections/fleeting-map.ts";
import type { ReconcileTrace } from "../trace/reconcile-trace.ts";
import type { OwnWrites, Seen } from "./own-writes.ts";

const DEADLINE_MS = 10_000;

/** A key's look at one object that it has written. */
type Look = (id: string) => void;

interface Waiter {
  readonly trace: Pick<ReconcileTrace, "waitForCache">;
  readonly onTimeout: () => void;
  /** Called once, in the turn of the change that ends the wait; at once where there is nothing to wait for. */
  readonly done: () => void;
}

export class OwnWritesWait {
  readonly #clock: Clock;
  readonly #cache: Seen;
  /** Object → the keys that wait to see its new state. */
  readonly #looks = new FleetingMap<string, readonly Look[]>();
  #isClosed = false;

  constructor(clock: Clock, cache: Seen) {
    this.#clock = clock;
    this.#cache = cache;
  }

  wait(own: OwnWrites, { trace, onTimeout, done }: Waiter): void {
    // An event may have come before the answer to the write that made it.
    own.look(this.#cache);
    if (own.unseen.size === 0) return done();
    const ids = [...own.unseen];
    const span = trace.waitForCache(ids);
    const end = (result: "ok" | "timeout" | "aborted"): void => {
      timer.cancel();
      for (const id of ids) this.#remove(id, look);
      span.end(result);
      done();
    };
    const look: Look = (id) => {
      own.look(this.#cache, id);
      if (own.unseen.size === 0) end("ok");
      else if (this.#isClosed) end("aborted");
    };
    const timer = this.#clock.after(DEADLINE_MS, () => {
      onTimeout();
      end("timeout");
    });
    for (const id of ids) this.#looks.set(id, [...(this.#looks.get(id) ?? []), look]);
  }

  /** The cache shows a change of this object. */
  changed(id: string): void {
    for (const look of this.#looks.get(id) ?? []) look(id);
  }

  /** Ends all waits. */
  close(): void {
    this.#isClosed = true;
    for (const id of this.#looks.keys()) this.changed(id);
  }

  #remove(id: string, look: Look): void {
    const others = this.#looks.get(id)?.filter((other) => other !== look) ?? [];
    if (others.length === 0) this.#looks.delete(id);
    else this.#looks.set(id, others);
  }
}
