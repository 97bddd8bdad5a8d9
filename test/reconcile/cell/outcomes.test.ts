/** What leaves a thread: several outcomes at a time, each as it was when its own task was under way. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { Done, Told } from "../../../runtime/reconcile/cell/thread-messages.ts";
import { copied, Outcomes } from "../../../runtime/reconcile/cell/outcomes.ts";

function outcomesOf(perMessage: number): {
  readonly outcomes: Outcomes;
  readonly told: number[][];
  readonly done: (id: number, memo?: unknown) => Done;
} {
  const told: number[][] = [];
  const tell = (each: Told): void => {
    const clone = structuredClone(each);
    if (clone.type === "done") told.push(clone.outcomes.map(({ id, outcome }) => ("effects" in outcome ? id : -id)));
  };
  const outcomes = new Outcomes({ tell, perMessage, orElse: () => ({ missing: [] }) });
  return { outcomes, told, done: (id, memo) => ({ id, outcome: { effects: { memo }, reads: [] } }) };
}

suite("outcomes:", () => {
  test("go when there are enough, or when there is nothing more to do", () => {
    const { outcomes, told, done } = outcomesOf(3);
    for (const id of [1, 2, 3, 4]) outcomes.add(done(id));
    assert.deepEqual(told, [[1, 2, 3]]);
    outcomes.flush();
    outcomes.flush();
    assert.deepEqual(told, [[1, 2, 3], [4]]);
  });

  test("one that cannot leave its thread takes no other with it", () => {
    const { outcomes, told, done } = outcomesOf(3);
    outcomes.add(done(1));
    outcomes.add(done(2, () => 1));
    outcomes.add(done(3));
    assert.deepEqual(told, [[1], [-2], [3]]);
  });
});

suite("a copy", () => {
  test("is equal, shares what was shared, and holds no getter", () => {
    const shared = { a: 1 };
    let looks = 0;
    const value = {
      get b() {
        return ++looks;
      },
      c: shared,
      d: [shared],
    };
    const copy = copied(value);
    assert.deepEqual([copy.b, copy.b, looks], [1, 1, 1]);
    assert.equal(copy.c, copy.d[0]);
    assert.notEqual(copy.c, shared);
  });

  test("of plain data is that data, whatever its keys", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => assert.deepStrictEqual(copied(value), value)));
    const odd: unknown = JSON.parse(`{ "__proto__": { "a": 1 }, "constructor": 2 }`);
    assert.equal(JSON.stringify(copied(odd)), JSON.stringify(odd));
  });
});
