import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  type FieldSet,
  difference,
  fieldSetOf,
  fromJson,
  intersection,
  paths,
  toJson,
  union,
} from "../../../runtime/apiserver/fields/field-set.ts";

const edge = fc.constantFrom("f:a", "f:b", 'k:{"name":"x"}', 'v:"y"');
const set: fc.Arbitrary<FieldSet> = fc
  .array(fc.array(edge, { minLength: 1, maxLength: 3 }), { maxLength: 6 })
  .map(fieldSetOf);

/** The members as text: what a set of fields means. */
function members(of: FieldSet): Set<string> {
  return new Set(paths(of));
}

test("fieldsV1 says the same set back", () => {
  fc.assert(
    fc.property(set, (one) => assert.deepEqual(members(fromJson(toJson(one)) ?? fieldSetOf([])), members(one))),
  );
});

test("union, intersection and difference are those of the members", () => {
  fc.assert(
    fc.property(set, set, (a, b) => {
      assert.deepEqual([...members(union(a, b))].toSorted(), [...members(a).union(members(b))].toSorted());
      assert.deepEqual(
        [...members(intersection(a, b))].toSorted(),
        [...members(a).intersection(members(b))].toSorted(),
      );
      assert.deepEqual([...members(difference(a, b))].toSorted(), [...members(a).difference(members(b))].toSorted());
    }),
  );
});

test("a member with members below it is marked by a dot", () => {
  assert.deepEqual(toJson(fieldSetOf([["f:data"], ["f:data", "f:a"]])), { "f:data": { ".": {}, "f:a": {} } });
});

test("paths read as conflicts name them", () => {
  const image = ["f:spec", 'k:{"name":"web"}', "f:image"];
  assert.deepEqual(paths(fieldSetOf([image, ["f:set", 'v:"x"']])), ['.set[="x"]', '.spec[name="web"].image']);
});

test("what is no field set is refused", () => {
  for (const bad of [{ data: {} }, { "f:a": 1 }, 1, null]) assert.equal(fromJson(bad), undefined);
});
