/** Keys and resourceVersions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { compareResourceVersions, objectKey, parseKey } from "../../runtime/kube/object.ts";

test("object: a key and a name say the same", () => {
  assert.equal(objectKey({ namespace: "team-a", name: "settings" }), "team-a/settings");
  assert.equal(objectKey({ namespace: "", name: "team-a" }), "team-a");
  assert.deepEqual(parseKey("team-a"), { name: "team-a" });
  const part = fc.stringMatching(/^[a-z0-9][a-z0-9.:-]*$/);
  fc.assert(
    fc.property(part, part, (namespace, name) => {
      assert.deepEqual(parseKey(objectKey({ namespace, name })), { namespace, name });
      assert.deepEqual(parseKey(objectKey({ name })), { name });
    }),
  );
});

test("object: resourceVersions are ordered as the numbers that they are, far beyond what a Number holds", () => {
  const version = fc.bigInt({ min: 0n, max: 2n ** 126n });
  fc.assert(
    fc.property(version, version, (a, b) => {
      const order = compareResourceVersions(String(a), String(b)) ?? Number.NaN;
      assert.equal(Math.sign(order), a < b ? -1 : Number(a > b));
    }),
  );
});

test("object: what is no resourceVersion is only equal or not comparable", () => {
  for (const odd of ["", "abc", "007", "-1", "1.5", "1/2", "9".repeat(40)]) {
    assert.equal(compareResourceVersions(odd, "7"), undefined);
    assert.equal(compareResourceVersions("7", odd), undefined);
    assert.equal(compareResourceVersions(odd, odd), 0);
  }
});
