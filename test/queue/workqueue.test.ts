import assert from "node:assert/strict";
import { test } from "node:test";
import { HIGH_PER_LOW, Workqueue, type Item } from "../../runtime/queue/workqueue.ts";
import { exponentialLimiter } from "../../runtime/queue/rate-limiter.ts";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

interface Bench {
  readonly clock: VirtualClock;
  readonly queue: Workqueue;
  /** Takes the next key, or undefined. */
  readonly take: () => string | undefined;
  /** Takes and finishes all that is ready. */
  readonly drain: () => readonly string[];
}

function bench(): Bench {
  const clock = new VirtualClock();
  const queue = new Workqueue({ clock, limiter: exponentialLimiter() });
  const take = (): string | undefined => queue.take()?.key;
  const drain = (): readonly string[] => {
    const keys: string[] = [];
    for (let key = take(); key !== undefined; key = take()) {
      keys.push(key);
      queue.done(key);
    }
    return keys;
  };
  return { clock, queue, take, drain };
}

const low = { priority: "low" } as const;

const guarantees: readonly {
  readonly name: string;
  readonly why: string;
  readonly run: (bench: Bench) => void;
}[] = [
  // One key, one run.
  {
    name: "hands out keys in the order they were added",
    why: "first in, first out",
    run({ queue, drain }) {
      for (const key of ["a", "b", "c"]) queue.add(key);
      assert.deepEqual(drain(), ["a", "b", "c"]);
    },
  },
  {
    name: "collapses adds of a key that is ready into one run",
    why: "stingy",
    run({ queue, drain }) {
      for (const key of ["a", "b", "a", "a"]) queue.add(key);
      assert.equal(queue.length, 2);
      assert.deepEqual(drain(), ["a", "b"]);
    },
  },
  {
    name: "never hands out a key that is being processed",
    why: "one key is never run twice at the same time",
    run({ queue, take }) {
      queue.add("a");
      take();
      queue.add("a");
      assert.equal(queue.length, 0, "dirty is not ready");
      assert.equal(take(), undefined);
      assert.ok(queue.isProcessing("a"));
    },
  },
  {
    name: "runs a key exactly once more however often it was added while processed",
    why: "no change is lost, none costs more than one run",
    run({ queue, take, drain }) {
      queue.add("a");
      take();
      for (let i = 0; i < 5; i++) queue.add("a");
      queue.done("a");
      assert.deepEqual(drain(), ["a"]);
      assert.equal(queue.length, 0);
    },
  },
  {
    name: "puts a dirty key behind those that were ready before it was done",
    why: "a busy key must not starve the others",
    run({ queue, take, drain }) {
      queue.add("a");
      take();
      queue.add("a");
      queue.add("b");
      queue.done("a");
      assert.deepEqual(drain(), ["b", "a"]);
    },
  },
  {
    name: "takes a key again that is added after done",
    why: "nothing is remembered of a finished run",
    run({ queue, drain }) {
      queue.add("a");
      drain();
      queue.add("a");
      assert.deepEqual(drain(), ["a"]);
    },
  },
  {
    name: "refuses done of a key that nobody is processing",
    why: "a double done would let a key run twice at once",
    run({ queue, drain }) {
      assert.throws(() => queue.done("a"), isBug);
      queue.add("a");
      assert.throws(() => queue.done("a"), isBug, "ready is not processing");
      drain();
      assert.throws(() => queue.done("a"), isBug);
    },
  },
  {
    name: "says how long a key was ready, without its delay and without the run before",
    why: "workqueue_queue_duration_seconds must show a lack of workers, nothing else",
    run({ clock, queue }) {
      queue.addAfter("a", 1000);
      clock.step(1030);
      assert.equal(queue.take()?.queuedMs, 30);
      queue.add("a");
      clock.step(500);
      queue.done("a");
      clock.step(7);
      assert.equal(queue.take()?.queuedMs, 7);
    },
  },
  // Priorities.
  {
    name: "takes high keys before low ones",
    why: "a change that just happened goes before the thousands of keys of a relist",
    run({ queue, drain }) {
      for (const key of ["l1", "l2"]) queue.add(key, low);
      for (const key of ["h1", "h2"]) queue.add(key);
      assert.deepEqual(drain(), ["h1", "h2", "l1", "l2"]);
    },
  },
  {
    name: `takes a low key after ${HIGH_PER_LOW} high ones in a row`,
    why: "under constant high load a relist must be worked off too",
    run({ queue, drain }) {
      for (let i = 0; i < 3; i++) queue.add(`l${i}`, low);
      for (let i = 0; i < 3 * HIGH_PER_LOW; i++) queue.add(`h${i}`);
      const order = drain().map((key) => key[0]);
      assert.deepEqual(order.join(""), `${"h".repeat(HIGH_PER_LOW)}l`.repeat(3));
    },
  },
  {
    name: "counts high keys towards a low one's turn only while one waits",
    why: "a single low key has no claim on the past",
    run({ queue, take, drain }) {
      for (let i = 0; i < 2 * HIGH_PER_LOW; i++) queue.add(`h${i}`);
      for (let i = 0; i < HIGH_PER_LOW; i++) take();
      queue.add("l", low);
      assert.equal(drain().indexOf("l"), HIGH_PER_LOW);
    },
  },
  {
    name: "raises a ready low key to the end of the high ones",
    why: "a re-add keeps the highest priority, and order holds within it",
    run({ queue, drain }) {
      for (const key of ["l1", "l2", "l3"]) queue.add(key, low);
      queue.add("h1");
      queue.add("l2");
      assert.deepEqual([queue.depth("high"), queue.depth("low")], [2, 2]);
      assert.deepEqual(drain(), ["h1", "l2", "l1", "l3"]);
    },
  },
  {
    name: "never lowers the priority of a key",
    why: "a relist must not push back what a change made urgent",
    run({ queue, take }) {
      queue.add("h");
      queue.add("other");
      queue.add("h", low);
      assert.equal(take(), "h");
    },
  },
  {
    name: "keeps the highest priority of a dirty and of a delayed key",
    why: "the rule is one, wherever the key is",
    run({ clock, queue }) {
      queue.add("a");
      queue.take();
      queue.add("a", low);
      queue.add("a");
      queue.done("a");
      assert.equal(queue.take()?.priority, "high");
      queue.addAfter("b", 10, low);
      queue.addAfter("b", 20);
      clock.step(10);
      assert.equal(queue.take()?.priority, "high");
      queue.addAfter("c", 10);
      queue.add("c", low);
      assert.equal(queue.take()?.priority, "high");
    },
  },
  {
    name: "forgets the priority of a run that has begun",
    why: "a retry says itself how urgent it is",
    run({ queue }) {
      queue.add("a");
      queue.take();
      queue.add("a", low);
      queue.done("a");
      assert.equal(queue.take()?.priority, "low");
    },
  },
  // Delays.
  {
    name: "hands out a delayed key at its time and not before",
    why: "requeueAfterMs is a promise",
    run({ clock, queue, drain }) {
      queue.addAfter("a", 50);
      assert.deepEqual([queue.length, queue.delayedCount], [0, 1]);
      clock.step(49);
      assert.deepEqual(drain(), []);
      clock.step(1);
      assert.deepEqual([queue.length, queue.delayedCount], [1, 0]);
      assert.deepEqual(drain(), ["a"]);
    },
  },
  {
    name: "adds now when the delay is zero, negative or not a number",
    why: "a wrong delay must not lose a key",
    run({ queue, drain }) {
      queue.addAfter("a", 0);
      queue.addAfter("b", -1);
      queue.addAfter("c", Number.NaN);
      assert.deepEqual(drain(), ["a", "b", "c"]);
    },
  },
  {
    name: "keeps the earliest time of a key that is delayed twice, in either order",
    why: "the sooner wish is the one that must not be missed",
    run({ clock, queue, drain }) {
      queue.addAfter("a", 50);
      queue.addAfter("a", 30);
      queue.addAfter("b", 30);
      queue.addAfter("b", 50);
      assert.equal(queue.delayedCount, 2);
      clock.step(29);
      assert.deepEqual(drain(), []);
      clock.step(1);
      assert.deepEqual(drain(), ["a", "b"]);
      clock.step(100);
      assert.deepEqual(drain(), [], "one entry per key, one run");
    },
  },
  {
    name: "orders delayed keys by due time, then by arrival",
    why: "first in, first out begins when a key is ready",
    run({ clock, queue, drain }) {
      queue.addAfter("c", 30);
      queue.addAfter("a", 10);
      queue.addAfter("b1", 20);
      queue.addAfter("b2", 20);
      clock.step(30);
      assert.deepEqual(drain(), ["a", "b1", "b2", "c"]);
    },
  },
  {
    name: "puts a high key that became ready before low ones that were ready long since",
    why: "priority is looked at when a key is taken",
    run({ clock, queue, take }) {
      queue.addAfter("h", 10);
      queue.add("l", low);
      clock.step(10);
      assert.equal(take(), "h");
    },
  },
  {
    name: "lets an immediate add take the place of a pending delayed one",
    why: "the run that now comes decides anew when it wants to run again",
    run({ clock, queue, drain }) {
      queue.addAfter("a", 50);
      queue.add("a");
      assert.deepEqual([queue.length, queue.delayedCount], [1, 0]);
      assert.deepEqual(drain(), ["a"]);
      clock.step(1000);
      assert.deepEqual(drain(), []);
    },
  },
  {
    name: "ignores a delay for a key that is ready or dirty",
    why: "it runs sooner than that",
    run({ clock, queue, take, drain }) {
      queue.add("a");
      queue.addAfter("a", 50);
      take();
      queue.add("a");
      queue.addAfter("a", 50);
      queue.done("a");
      assert.deepEqual(drain(), ["a"]);
      clock.step(1000);
      assert.deepEqual(drain(), []);
    },
  },
  {
    name: "makes a key dirty when its delay ends while it is processed",
    why: "never twice at once, and never lost",
    run({ clock, queue, take }) {
      queue.add("a");
      take();
      queue.addAfter("a", 10);
      clock.step(20);
      assert.deepEqual([queue.length, queue.delayedCount], [0, 0]);
      queue.done("a");
      assert.equal(take(), "a");
    },
  },
  {
    name: "keeps the delay of a key that is done before it ends",
    why: "a worker asks for the next run before it says done",
    run({ clock, queue, take }) {
      queue.add("a");
      take();
      queue.addAfter("a", 10);
      queue.done("a");
      assert.deepEqual([queue.length, queue.delayedCount], [0, 1]);
      clock.step(10);
      assert.equal(take(), "a");
    },
  },
  {
    name: "waits on one timer however many keys are delayed",
    why: "100 000 back-offs must not be 100 000 timers",
    run({ clock, queue }) {
      for (let i = 0; i < 1000; i++) queue.addAfter(`k${i}`, 1000 - i);
      assert.equal(clock.pendingCount, 1);
      clock.step(1000);
      assert.equal(queue.length, 1000);
      assert.equal(clock.pendingCount, 0);
    },
  },
  // Retries.
  {
    name: "backs off a key that fails again and again until it is forgotten",
    why: "client-go's rate limiting queue: 5 ms, 10 ms, 20 ms",
    run({ clock, queue, drain }) {
      for (const delayMs of [5, 10, 20]) {
        queue.addRateLimited("a");
        clock.step(delayMs - 1);
        assert.deepEqual(drain(), []);
        clock.step(1);
        assert.deepEqual(drain(), ["a"]);
      }
      assert.equal(queue.retries("a"), 3);
      queue.forget("a");
      assert.equal(queue.retries("a"), 0);
      queue.addRateLimited("a");
      clock.step(5);
      assert.deepEqual(drain(), ["a"]);
    },
  },
  {
    name: "waits no less than it is told to, and counts the failure all the same",
    why: "a server that asks for pauses is no reason to ask it for ever",
    run({ clock, queue, drain }) {
      for (const delayMs of [15, 15, 20]) {
        assert.equal(queue.addRateLimited("a", { atLeastMs: 15 }), delayMs);
        clock.step(delayMs - 1);
        assert.deepEqual(drain(), []);
        clock.step(1);
        assert.deepEqual(drain(), ["a"]);
      }
    },
  },
  {
    name: "does not let retries of one key delay another",
    why: "back-off is per key",
    run({ clock, queue, drain }) {
      for (let i = 0; i < 10; i++) queue.addRateLimited("bad");
      queue.forget("bad");
      queue.addRateLimited("good");
      clock.step(5);
      assert.deepEqual(drain(), ["bad", "good"], "bad keeps its earliest time");
    },
  },
  // Shutdown.
  {
    name: "after shutDown takes no new key, drops the delayed and lets the ready be taken",
    why: "workers drain what is queued",
    run({ clock, queue, drain }) {
      queue.add("a");
      queue.addAfter("later", 10);
      queue.shutDown();
      queue.shutDown();
      assert.deepEqual([queue.delayedCount, clock.pendingCount], [0, 0]);
      queue.add("b");
      queue.addAfter("c", 1);
      queue.addRateLimited("d");
      clock.step(1000);
      assert.equal(queue.retries("d"), 0);
      assert.deepEqual(drain(), ["a"]);
    },
  },
  {
    name: "after shutDown still runs a key once more that was dirty before",
    why: "its change came in time",
    run({ queue, take, drain }) {
      queue.add("a");
      take();
      queue.add("a");
      queue.shutDown();
      queue.done("a");
      assert.deepEqual(drain(), ["a"]);
    },
  },
  {
    name: "shutDown drops the delay of a key that is processed, not the key",
    why: "its worker still says done",
    run({ clock, queue, take, drain }) {
      queue.add("a");
      take();
      queue.addAfter("a", 10);
      queue.shutDown();
      assert.deepEqual([queue.delayedCount, queue.processingCount], [0, 1]);
      queue.done("a");
      clock.step(1000);
      assert.deepEqual(drain(), []);
    },
  },
];

for (const { name, why, run } of guarantees)
  test(name, () => {
    try {
      run(bench());
    } catch (error) {
      if (error instanceof Error) error.message = `${why}: ${error.message}`;
      throw error;
    }
  });

test("wakes the worker once for all keys that became ready in one turn, and not in that turn", async () => {
  let wakes = 0;
  const queue = new Workqueue({ clock: new VirtualClock(), onReady: () => wakes++ });
  for (let i = 0; i < 100; i++) queue.add(`k${i}`);
  assert.equal(wakes, 0);
  await Promise.resolve();
  assert.equal(wakes, 1);
  queue.add("k0");
  await Promise.resolve();
  assert.equal(wakes, 1, "a collapsed add wakes nobody");
});

test("wakes the worker when a delay ends and when a dirty key is done", async () => {
  const clock = new VirtualClock();
  const taken: Item[] = [];
  const queue: Workqueue = new Workqueue({
    clock,
    onReady: () => {
      for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item);
    },
  });
  queue.addAfter("a", 10);
  clock.step(10);
  await Promise.resolve();
  queue.add("a");
  queue.done("a");
  await Promise.resolve();
  assert.deepEqual(
    taken.map(({ key }) => key),
    ["a", "a"],
  );
});

test("tells the observer of every key that becomes ready, is taken, done or retried, and of no collapsed add", () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const queue = new Workqueue({
    clock,
    observer: {
      added: () => seen.push("added"),
      taken: (queuedMs) => seen.push(`taken ${queuedMs}`),
      done: (workMs) => seen.push(`done ${workMs}`),
      retried: () => seen.push("retried"),
    },
  });
  queue.add("a", low);
  queue.add("a", low);
  clock.step(3);
  queue.take();
  queue.add("a");
  clock.step(4);
  assert.deepEqual(seen.splice(0), ["added", "taken 3"]);
  queue.done("a");
  assert.deepEqual(seen.splice(0), ["done 4", "added"]);
  queue.addAfter("b", 0);
  queue.addAfter("c", 5);
  assert.deepEqual(seen.splice(0), ["retried", "added", "retried"]);
  clock.step(5);
  assert.deepEqual(seen.splice(0), ["added"], "a delayed key counts when it is ready");
});

test("says how long keys are being processed: the sum and the oldest", () => {
  const clock = new VirtualClock();
  const queue = new Workqueue({ clock });
  assert.deepEqual(queue.unfinishedWork(), { totalMs: 0, longestMs: 0 });
  queue.add("a");
  queue.take();
  clock.step(10);
  queue.add("b");
  queue.take();
  clock.step(5);
  assert.deepEqual(queue.unfinishedWork(), { totalMs: 20, longestMs: 15 });
  queue.done("a");
  assert.deepEqual(queue.unfinishedWork(), { totalMs: 5, longestMs: 5 });
  assert.equal(queue.processingCount, 1);
});

function isBug(error: unknown): boolean {
  return error instanceof EvenkeelError && error.code === "BUG";
}
