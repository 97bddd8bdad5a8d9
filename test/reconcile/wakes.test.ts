/** Why a key runs: every reason is counted, the first few are told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Wakes } from "../../runtime/reconcile/wakes.ts";
import type { Wake } from "../../runtime/trace/wake.ts";

const wake = (i: number): Wake => ({ what: "read", change: "modified", object: `v1/Namespace team-${i}` });

test("a key that was not woken has no reasons", () => {
  assert.deepEqual(new Wakes().take("default/settings"), { wakes: [], count: 0 });
});

test("reasons come in the order they came about, for each key by itself", () => {
  const wakes = new Wakes();
  wakes.add("a", wake(1));
  wakes.add("b", wake(2));
  wakes.add("a", wake(3));
  assert.deepEqual(wakes.take("a"), { wakes: [wake(1), wake(3)], count: 2 });
  assert.deepEqual(wakes.take("b"), { wakes: [wake(2)], count: 1 });
});

test("a thousand reasons are counted, and the first eight are told", () => {
  const wakes = new Wakes();
  for (let i = 0; i < 1_000; i++) wakes.add("a", wake(i));
  const { wakes: told, count } = wakes.take("a");
  assert.deepEqual([told.length, told[7], count], [8, wake(7), 1_000]);
});

test("a reason belongs to one run: what comes during it is for the next", () => {
  const wakes = new Wakes();
  wakes.add("a", wake(1));
  const first = wakes.take("a");
  wakes.add("a", wake(2));
  assert.deepEqual(first.wakes, [wake(1)]);
  assert.deepEqual(wakes.take("a"), { wakes: [wake(2)], count: 1 });
  assert.equal(wakes.take("a").count, 0);
});
