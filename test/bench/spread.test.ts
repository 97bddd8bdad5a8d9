/** Medians and ratios: what the whole comparison rests on. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";

import { failed, leftOut, scenarioOf } from "./reports.ts";
import { ratioOf, short, spreadOf } from "./spread.ts";

const spreads = [
  { name: "nothing has none", values: [], spread: undefined },
  { name: "one value is all three", values: [3], spread: { min: 3, median: 3, max: 3 } },
  { name: "the order of turns does not matter", values: [9, 1, 10], spread: { min: 1, median: 9, max: 10 } },
  { name: "the median of an even number lies between", values: [4, 1, 2, 9], spread: { min: 1, median: 3, max: 9 } },
];

suite("spread", () => {
  for (const { name, values, spread } of spreads) test(name, () => assert.deepEqual(spreadOf(values), spread));
});

const ratios = [
  {
    name: "is taken turn by turn, not of the medians",
    evenkeel: [2, 30, 4],
    peer: [1, 10, 8],
    ratio: { min: 0.5, median: 2, max: 3 },
  },
  {
    name: "leaves out the turns that one of the two has not measured",
    evenkeel: [2, failed, 6],
    peer: [leftOut, 1, 2],
    ratio: { min: 3, median: 3, max: 3 },
  },
  { name: "is none where no turn has both", evenkeel: [failed, 2], peer: [1, failed], ratio: undefined },
  { name: "is none without turns", evenkeel: [], peer: [], ratio: undefined },
  { name: "is none beside zero", evenkeel: [0, 2], peer: [0, 0], ratio: undefined },
  { name: "may be zero", evenkeel: [0], peer: [2], ratio: { min: 0, median: 0, max: 0 } },
];

suite("a ratio", () => {
  for (const { name, evenkeel, peer, ratio } of ratios)
    test(name, () => {
      const scenario = scenarioOf({ evenkeel, peer });
      assert.deepEqual(ratioOf(scenario, { of: "evenkeel", to: "peer" }, "wall_s"), ratio);
    });

  test("is none of a figure that nobody measured, or of a contender that is not there", () => {
    const scenario = scenarioOf({ evenkeel: [1], peer: [1] });
    assert.equal(ratioOf(scenario, { of: "evenkeel", to: "peer" }, "ready_s"), undefined);
    assert.equal(ratioOf(scenario, { of: "raw", to: "peer" }, "wall_s"), undefined);
  });
});

test("a number keeps three digits that count, also where rounding adds one", () => {
  const shown = { 0: "0.00", 0.345: "0.34", 9.994: "9.99", 9.996: "10.0", 20.94: "20.9", 99.96: "100", 4000: "4000" };
  for (const [value, text] of Object.entries(shown)) assert.equal(short(Number(value)), text);
});
