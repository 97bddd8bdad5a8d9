import assert from "node:assert/strict";
import { test } from "node:test";
import { JITTER, TIMING } from "../../runtime/lease/timing.ts";

const { leaseDurationMs, renewDeadlineMs, retryPeriodMs, requestMs } = TIMING;

test("has the durations that client-go has by default", () => {
  assert.deepEqual([leaseDurationMs, renewDeadlineMs, retryPeriodMs], [15_000, 10_000, 2_000]);
});

test("keeps two leaders apart, and leaves a leader the time to renew", () => {
  assert.ok(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > JITTER * retryPeriodMs);
  assert.equal(leaseDurationMs % 1000, 0, "a fraction of a second cannot be said in the record");
});

test("fits three unanswered requests between two renewals before the deadline", () => {
  assert.ok(retryPeriodMs + 3 * requestMs <= renewDeadlineMs);
  assert.ok(requestMs >= retryPeriodMs, "and none of them is hurried");
});
