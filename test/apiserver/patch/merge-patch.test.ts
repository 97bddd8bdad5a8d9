/** The examples of RFC 7386, appendix A, as far as both sides are objects. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../../runtime/apiserver/object.ts";
import { applyMergePatch } from "../../../runtime/apiserver/patch/merge-patch.ts";

const ROWS: readonly (readonly [string, JsonObject, JsonObject, JsonObject])[] = [
  ["replaces", { a: "b" }, { a: "c" }, { a: "c" }],
  ["adds", { a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  ["removes by null", { a: "b", b: "c" }, { a: null }, { b: "c" }],
  ["replaces a list whole", { a: ["b"] }, { a: "c" }, { a: "c" }],
  ["replaces by a list", { a: "c" }, { a: ["b"] }, { a: ["b"] }],
  ["merges objects and removes inside", { a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  ["does not merge inside lists", { a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  ["keeps nulls of the target", { e: null }, { a: 1 }, { e: null, a: 1 }],
  ["drops nulls of new objects", {}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

for (const [name, target, patch, result] of ROWS)
  test(name, () => assert.deepEqual(applyMergePatch(target, patch), result));
