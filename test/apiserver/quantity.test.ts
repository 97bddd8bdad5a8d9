/** Quantities: the form in which a server stores them. Values as kube-apiserver answers them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { canonicalQuantity } from "../../runtime/apiserver/quantity.ts";

const TABLE: readonly (readonly [given: string, stored: string | undefined])[] = [
  ["1", "1"],
  ["1000m", "1"],
  ["1500m", "1500m"],
  ["0.5", "500m"],
  [".5", "500m"],
  ["1.", "1"],
  ["100000", "100k"],
  ["1024", "1024"],
  ["1024Mi", "1Gi"],
  ["1023Ki", "1023Ki"],
  ["1.5Gi", "1536Mi"],
  ["0.5Ki", "512"],
  ["1.0001Ki", "1024102400u"],
  ["1e3", "1e3"],
  ["1000e-3", "1"],
  ["2500e3", "2500e3"],
  ["0", "0"],
  ["0.0Gi", "0"],
  ["-1500m", "-1500m"],
  ["-0", "0"],
  ["0.0000000001", "1n"],
  ["1E", "1E"],
  ["", undefined],
  ["abc", undefined],
  ["1 Gi", undefined],
  ["1gi", undefined],
  ["1e", undefined],
  ["e3", undefined],
  [".", undefined],
  ["--1", undefined],
  ["1.5.5", undefined],
];

for (const [given, stored] of TABLE)
  test(`${JSON.stringify(given)} ${stored === undefined ? "is no quantity" : `is stored as ${stored}`}`, () => {
    assert.equal(canonicalQuantity(given), stored);
  });

test("what is stored is stored as it is", () => {
  const suffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "e-2"];
  const quantity = fc.tuple(fc.nat(), fc.nat(999), fc.constantFrom(...suffixes));
  fc.assert(
    fc.property(quantity, ([whole, fraction, suffix]) => {
      const stored = canonicalQuantity(`${whole}.${fraction}${suffix}`) ?? "";
      // Of `601690187.5Ki` the server stores 616130752000, and of that, which says nothing of powers of two, 616130752k.
      fc.pre(!suffix.endsWith("i") || !/^\d+$/.test(stored));
      assert.equal(canonicalQuantity(stored), stored);
    }),
  );
});
