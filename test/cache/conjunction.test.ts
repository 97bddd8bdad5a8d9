/** Two conditions as one. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { both, isDisjoint, isExact } from "../../runtime/cache/conjunction.ts";
import { matches, type Where } from "../../runtime/kube/query.ts";
import { anyKey, anyLabels, anyWhere } from "./support/arbitraries.ts";
import { object } from "./support/objects.ts";

const rows: readonly { readonly name: string; readonly a: Where; readonly b: Where; readonly is: Where }[] = [
  { name: "different fields", a: { namespace: "n" }, b: { namePrefix: "a" }, is: { namespace: "n", namePrefix: "a" } },
  { name: "the longer of two prefixes", a: { namePrefix: "a" }, b: { namePrefix: "ab" }, is: { namePrefix: "ab" } },
  {
    name: "prefixes that exclude each other",
    a: { namePrefix: "a" },
    b: { namePrefix: "b" },
    is: { labels: { none: { in: [] } } },
  },
  { name: "a name says what its prefix says", a: { namePrefix: "a" }, b: { name: "ab" }, is: { name: "ab" } },
  {
    name: "values in common",
    a: { labels: { x: { in: ["1", "2"] } } },
    b: { labels: { x: "2" } },
    is: { labels: { x: { in: ["2"] } } },
  },
  {
    name: "no values in common",
    a: { labels: { x: "1" } },
    b: { labels: { x: "2" } },
    is: { labels: { x: { in: [] } } },
  },
  {
    name: "values left over",
    a: { labels: { x: { notIn: ["1"] } } },
    b: { labels: { x: { in: ["1", "2"] } } },
    is: { labels: { x: { in: ["2"] } } },
  },
  {
    name: "all that is excluded",
    a: { labels: { x: { notIn: ["1"] } } },
    b: { labels: { x: { notIn: ["2"] } } },
    is: { labels: { x: { notIn: ["1", "2"] } } },
  },
];

suite("conjunction", () => {
  for (const { name, a, b, is } of rows)
    test(`keeps ${name}`, () => assert.deepEqual(JSON.parse(JSON.stringify(both(a, b))), is));

  test("loses no object that matches both, and gains none where it is exact", () => {
    fc.assert(
      fc.property(anyWhere, anyWhere, anyKey, anyLabels, (a, b, key, labels) => {
        const it = object(key, 1, { labels });
        const matchesBoth = matches(a, it) && matches(b, it);
        if (matchesBoth) assert.ok(matches(both(a, b), it));
        else if (isExact(a, b)) assert.ok(!matches(both(a, b), it));
      }),
      { numRuns: 3_000 },
    );
  });

  test("calls disjoint only what no object keeps together", () => {
    fc.assert(
      fc.property(anyWhere, anyWhere, anyKey, anyLabels, (a, b, key, labels) => {
        const it = object(key, 1, { labels });
        assert.ok(!(isDisjoint(a, b) && matches(a, it) && matches(b, it)));
      }),
      { numRuns: 3_000 },
    );
    assert.ok(isDisjoint({ namespace: "n" }, { namespace: "m" }));
    assert.ok(isDisjoint({ labels: { x: "1" } }, { labels: { x: "2" } }));
  });
});
