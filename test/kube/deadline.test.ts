/** Deadlines end what they bound at their time or with their caller, alone or in company, and leave nothing behind. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import * as fc from "fast-check";
import { Deadline, Deadlines } from "../../runtime/kube/deadline.ts";
import { codeOf } from "../../runtime/kube/errors.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

function world() {
  const clock = new VirtualClock();
  const caller = new AbortController();
  return { clock, caller, signal: caller.signal, deadlines: new Deadlines(clock) };
}

const outcomeOf = (deadline: Deadline): string => (deadline.aborted ? codeOf(deadline.reason) : "lasts");

test("deadline: ends at its time, not before, and says which call and how long", async () => {
  const { clock, deadlines } = world();
  const deadline = deadlines.begin("get v1/ConfigMap a", 999.6, undefined);
  await clock.advance(999);
  assert.equal(outcomeOf(deadline), "lasts");
  const error = new Error("broken");
  assert.equal(deadline.reasonFor(error), error);
  await clock.advance(1);
  assert.equal(outcomeOf(deadline), "API_TIMEOUT");
  assert.equal(deadline.reasonFor(error), deadline.reason);
  assert.match(String(deadline.reason), /get v1\/ConfigMap a: no complete answer within 1000 ms/);
});

test("deadline: many at once have one timer and one listener; none is left when the last is over", async () => {
  const { clock, signal, deadlines } = world();
  for (const end of ["cleared", "expired"] as const) {
    const all = Array.from({ length: 20 }, () => deadlines.begin("get", 1000, signal));
    assert.deepEqual([clock.pendingCount, getEventListeners(signal, "abort").length], [1, 1]);
    if (end === "expired") await clock.advance(1000);
    else for (const deadline of all) deadline.clear();
    assert.deepEqual([clock.pendingCount, getEventListeners(signal, "abort").length], [0, 0], end);
    for (const deadline of all) deadline.clear();
  }
});

test("deadline: each ends at its own time, as if it had a timer of its own", async () => {
  const step = fc
    .record({
      restMs: fc.integer({ min: 0, max: 50 }),
      dueMs: fc.constantFrom(20, 100),
      clearedAfterMs: fc.integer({ min: 0, max: 150 }),
    })
    // What falls due in the turn in which it is cleared may do either.
    .filter(({ dueMs, clearedAfterMs }) => dueMs !== clearedAfterMs);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const { clock, signal, deadlines } = world();
      const ended: string[] = [];
      const expected: string[] = [];
      for (const [index, { restMs, dueMs, clearedAfterMs }] of steps.entries()) {
        await clock.advance(restMs);
        const deadline = deadlines.begin("get", dueMs, signal);
        deadline.addEventListener("abort", () => ended.push(`${index} at ${clock.now()}`));
        clock.after(clearedAfterMs, () => deadline.clear());
        if (dueMs < clearedAfterMs) expected.push(`${index} at ${clock.now() + dueMs}`);
      }
      await clock.advance(150);
      assert.deepEqual(ended.toSorted(), expected.toSorted());
      assert.equal(clock.pendingCount, 0);
    }),
    { numRuns: 60 },
  );
});

test("deadline: a timer that rings a hair early, as the clock reads it, is not set again for the rest", async () => {
  const slow = new (class extends VirtualClock {
    override now(): number {
      return super.now() * (1 - Number.EPSILON);
    }
  })();
  const deadline = new Deadlines(slow).begin("get", 1000, undefined);
  await slow.advance(1000);
  assert.equal(outcomeOf(deadline), "API_TIMEOUT");
  assert.equal(slow.pendingCount, 0);
});

test("deadline: the caller ends all that are its own, with its reason, and what it begins afterwards", () => {
  const { clock, caller, signal, deadlines } = world();
  const reason = new Error("stop");
  const mine = [1000, 1000, 2000].map((dueMs) => deadlines.begin("get", dueMs, signal));
  const others = [undefined, new AbortController().signal].map((other) => deadlines.begin("get", 1000, other));
  const cleared = deadlines.begin("get", 1000, signal);
  cleared.clear();
  caller.abort(reason);
  const late = deadlines.begin("get", 1000, signal);
  for (const deadline of [...mine, late]) assert.deepEqual([deadline.aborted, deadline.reason], [true, reason]);
  for (const deadline of [...others, cleared]) assert.equal(deadline.aborted, false);
  assert.equal(clock.pendingCount, 2);
});

test("deadline: only the first reason counts, for its listeners and for its signal, made before or after", () => {
  const deadline = new Deadline(new VirtualClock(), "get", 1000, undefined);
  const seen: string[] = [];
  const gone = (): void => void seen.push("gone");
  deadline.addEventListener("abort", gone);
  deadline.addEventListener("abort", () => seen.push("listener"));
  deadline.removeEventListener("abort", gone);
  deadline.signal.addEventListener("abort", () => seen.push("signal"));
  const late = new Deadline(new VirtualClock(), "get", 1000, undefined);
  for (const reason of ["first", "second"]) for (const one of [deadline, late]) one.expire(reason);
  assert.deepEqual(seen.toSorted(), ["listener", "signal"]);
  for (const { signal } of [deadline, late]) assert.deepEqual([signal.aborted, signal.reason], [true, "first"]);
});

test("deadline: one that is begun because another ended has all of its time", async () => {
  const { clock, signal, deadlines } = world();
  const first = deadlines.begin("get", 1000, signal);
  const company = deadlines.begin("get", 1000, signal);
  const next: Deadline[] = [];
  first.addEventListener("abort", () => next.push(deadlines.begin("get", 1000, signal)));
  await clock.advance(1999);
  assert.deepEqual([first, company, ...next].map(outcomeOf), ["API_TIMEOUT", "API_TIMEOUT", "lasts"]);
  assert.equal(clock.pendingCount, 1);
  await clock.advance(1);
  assert.deepEqual(next.map(outcomeOf), ["API_TIMEOUT"]);
  assert.equal(clock.pendingCount, 0);
});
