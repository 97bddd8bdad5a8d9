/** What was met lately is remembered, and the rest is let go. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { RecentMap } from "../../runtime/collections/recent-map.ts";

const COUNT = 4;

suite("recent map", () => {
  test("the last so many keys are remembered with their last values, and never more than twice as many", () => {
    const steps = fc.array(fc.record({ key: fc.nat(12), isSet: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (taken) => {
        const map = new RecentMap<number, number>(COUNT);
        const values = new Map<number, number>();
        let met: number[] = [];
        taken.forEach(({ key, isSet }, i) => {
          if (isSet) {
            map.set(key, i);
            values.set(key, i);
          }
          const found = map.get(key);
          if (met.slice(-COUNT).includes(key)) assert.equal(found, values.get(key));
          else assert.ok(found === undefined || found === values.get(key), "never a value that is not the last one");
          if (found !== undefined) met = [...met.filter((other) => other !== key), key];
        });
        const kept = [...values.keys()].filter((key) => map.get(key) !== undefined);
        assert.ok(kept.length <= 2 * COUNT, `${kept.length} are kept`);
      }),
    );
  });

  test("a key that is asked for now and again stays, however many others come between", () => {
    const map = new RecentMap<string, string>(COUNT);
    map.set("a", "first");
    for (let i = 0; i < 20; i++) {
      for (let other = 0; other < COUNT - 1; other++) map.set(`${i} ${other}`, "other");
      assert.equal(map.get("a"), "first");
    }
  });

  test("the first value under a key is the one that all get who would insert one", () => {
    const map = new RecentMap<string, object>(COUNT);
    const first = {};
    assert.equal(map.getOrInsert("a", first), first);
    assert.equal(map.getOrInsert("a", {}), first);
    assert.notEqual(map.getOrInsert("b", {}), first);
  });

  test("a key that is not met for long is let go", () => {
    const map = new RecentMap<string, string>(COUNT);
    map.set("a", "first");
    for (let i = 0; i < 2 * COUNT; i++) map.set(`${i}`, "other");
    assert.equal(map.get("a"), undefined);
  });
});
