/** Many values under one key, whether they are kept in a set or, being one only, without. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { Multimap } from "../../runtime/collections/multimap.ts";

const step = fc.record({ add: fc.boolean(), key: fc.constantFrom("a", "b"), value: fc.constantFrom("", "1", "2") });

suite("multimap", () => {
  test("holds what a map of sets would hold, and nothing empty", () => {
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const map = new Multimap<string, string>();
        const model = new Map([
          ["a", new Set<string>()],
          ["b", new Set<string>()],
        ]);
        for (const { add, key, value } of steps) {
          if (add) map.add(key, value);
          else map.delete(key, value);
          const set = model.get(key);
          if (add) set?.add(value);
          else set?.delete(value);
        }
        for (const [key, set] of model) {
          assert.deepEqual(new Set(map.get(key)), set);
          assert.equal(map.count(key), set.size);
        }
        assert.equal(map.size, [...model.values()].filter(({ size }) => size > 0).length);
      }),
    );
  });
});
