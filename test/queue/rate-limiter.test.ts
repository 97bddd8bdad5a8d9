import assert from "node:assert/strict";
import { test } from "node:test";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { exponentialLimiter, maxOf, tokenBucket, type RateLimiter } from "../../runtime/queue/rate-limiter.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

function delays(limiter: RateLimiter, key: string, count: number): readonly number[] {
  return Array.from({ length: count }, () => limiter.delayMs(key));
}

test("doubles the delay of a key with each failure, up to the cap", () => {
  const limiter = exponentialLimiter({ baseMs: 1, capMs: 10 });
  assert.deepEqual(delays(limiter, "a", 6), [1, 2, 4, 8, 10, 10]);
  assert.equal(limiter.retries("a"), 6);
});

test("counts the failures of each key by itself, and forgets one without the other", () => {
  const limiter = exponentialLimiter({ baseMs: 1, capMs: 1000 });
  delays(limiter, "a", 3);
  assert.deepEqual(delays(limiter, "b", 2), [1, 2]);
  limiter.forget("a");
  assert.equal(limiter.retries("a"), 0);
  assert.deepEqual([limiter.delayMs("a"), limiter.delayMs("b")], [1, 4]);
});

test("starts at 5 ms and reaches 1000 s at the 19th failure", () => {
  const all = delays(exponentialLimiter(), "a", 19);
  assert.deepEqual(all.slice(0, 3), [5, 10, 20]);
  assert.ok((all[17] ?? 0) < 1_000_000);
  assert.equal(all[18], 1_000_000);
});

test("stays at the cap after more failures than a number has exponents", () => {
  const limiter = exponentialLimiter({ baseMs: 1, capMs: 60_000 });
  assert.ok(delays(limiter, "a", 2000).every((delayMs) => delayMs > 0 && delayMs <= 60_000));
  assert.equal(limiter.delayMs("a"), 60_000);
});

test("lets a burst through, then spaces retries of all keys evenly by reservation", () => {
  const limiter = tokenBucket(new VirtualClock(), { qps: 10, burst: 3 });
  assert.deepEqual(
    ["a", "b", "c", "d", "e", "a"].map((key) => limiter.delayMs(key)),
    [0, 0, 0, 100, 200, 300],
  );
});

test("refills the bucket with time, never above the burst", () => {
  const clock = new VirtualClock();
  const limiter = tokenBucket(clock, { qps: 10, burst: 2 });
  delays(limiter, "a", 4);
  clock.step(200);
  assert.equal(limiter.delayMs("a"), 100, "the reservations of the past come first");
  clock.step(3_600_000);
  assert.deepEqual(delays(limiter, "a", 3), [0, 0, 100]);
});

test("keeps nobody waiting longer than half a minute because of others, and spreads those who are too many", () => {
  const clock = new VirtualClock({ seed: 3 });
  const limiter = tokenBucket(clock, { qps: 100, burst: 1_000 });
  const all = delays(limiter, "a", 20_000);
  assert.ok(Math.max(...all) <= 30_000);
  const perSecond = Map.groupBy(all.slice(4_000), (delayMs) => Math.floor(delayMs / 1_000));
  assert.ok(Math.max(...perSecond.values().map(({ length }) => length)) < 700, "16 000 in 30 s are 533 a second");
  assert.ok(limiter.delayMs("b") <= 30_000);
});

test("takes the longest delay of several limiters, each of which counts and forgets", () => {
  const clock = new VirtualClock();
  const limiter = maxOf(exponentialLimiter({ baseMs: 30, capMs: 1000 }), tokenBucket(clock, { qps: 10, burst: 1 }));
  assert.deepEqual(delays(limiter, "a", 3), [30, 100, 200]);
  assert.equal(limiter.retries("a"), 3);
  limiter.forget("a");
  assert.equal(limiter.retries("a"), 0);
});

test("refuses limits that could never limit", () => {
  const wrong = [
    () => exponentialLimiter({ baseMs: 0 }),
    () => exponentialLimiter({ baseMs: 10, capMs: 5 }),
    () => exponentialLimiter({ baseMs: Number.NaN }),
    () => tokenBucket(new VirtualClock(), { qps: 0, burst: 1 }),
    () => tokenBucket(new VirtualClock(), { qps: 1, burst: 0 }),
  ];
  for (const make of wrong) assert.throws(make, (error) => error instanceof EvenkeelError && error.code === "BUG");
});
