/** A fleeting map is a Map, also when it has replaced what is inside. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { FleetingMap } from "../../runtime/collections/fleeting-map.ts";

const step = fc.record({ key: fc.nat(5), isSet: fc.boolean() });

suite("fleeting map", () => {
  test("holds what a Map would hold, in the same order, however often keys come and go", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 300, maxLength: 1_500, size: "max" }), (steps) => {
        const map = new FleetingMap<number, number>();
        const model = new Map<number, number>();
        for (const [i, { key, isSet }] of steps.entries()) {
          if (isSet) {
            map.set(key, i);
            model.set(key, i);
          } else assert.equal(map.delete(key), model.delete(key));
          assert.deepEqual([map.get(key), map.has(key), map.size], [model.get(key), model.has(key), model.size]);
        }
        assert.deepEqual([...map.entries()], [...model.entries()]);
        assert.deepEqual([...map.keys()], [...model.keys()]);
        assert.deepEqual([...map.values()], [...model.values()]);
      }),
      { numRuns: 30 },
    );
  });

  test("may lose keys while it is gone through", () => {
    const map = new FleetingMap<number, string>();
    for (let key = 0; key < 600; key++) map.set(key, "value");
    const met: number[] = [];
    for (const key of map.keys()) {
      met.push(key);
      map.delete(key);
    }
    assert.equal(met.length, 600);
    assert.equal(map.size, 0);
  });
});
