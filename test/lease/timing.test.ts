import assert from "node:assert/strict";
import { test } from "node:test";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { leaseTiming, type LeaseTimingOptions } from "../../runtime/lease/timing.ts";

test("has the durations of client-go by default", () => {
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = leaseTiming();
  assert.deepEqual([leaseDurationMs, renewDeadlineMs, retryPeriodMs], [15_000, 10_000, 2_000]);
});

test("fits three unanswered attempts between two renewals before the deadline", () => {
  const { attemptMs, renewDeadlineMs, retryPeriodMs } = leaseTiming();
  assert.ok(retryPeriodMs + 3 * attemptMs <= renewDeadlineMs);
  assert.ok(attemptMs >= retryPeriodMs, "and none of them is hurried");
});

const refused: readonly (readonly [name: string, options: LeaseTimingOptions])[] = [
  ["lease not longer than the deadline", { leaseDurationMs: 10_000 }],
  ["deadline not longer than 1.2 retry periods", { renewDeadlineMs: 2_400 }],
  ["no retry period", { retryPeriodMs: 0 }],
  ["negative retry period", { retryPeriodMs: -1 }],
  ["not a number", { retryPeriodMs: Number.NaN }],
  ["fraction of a second, which the record cannot hold", { leaseDurationMs: 15_500 }],
  ["less than a second", { leaseDurationMs: 500, renewDeadlineMs: 400, retryPeriodMs: 100 }],
];

for (const [name, options] of refused)
  test(`refuses: ${name}`, () => {
    assert.throws(
      () => leaseTiming(options),
      (error) => error instanceof EvenkeelError && error.code === "BUG",
    );
  });

test("accepts the shortest lease", () => {
  assert.equal(leaseTiming({ leaseDurationMs: 1000, renewDeadlineMs: 900, retryPeriodMs: 300 }).attemptMs, 200);
});
