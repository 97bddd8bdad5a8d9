import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "../../../runtime/apiserver/object.ts";
import { applyJsonPatch } from "../../../runtime/apiserver/patch/json-patch.ts";
import { ApiError } from "../../../runtime/apiserver/status.ts";

interface Row {
  readonly name: string;
  readonly patch: Json;
  readonly result: JsonObject;
}

const DOCUMENT: JsonObject = { a: { "x/y": 1, "m~n": 2 }, list: [1, 2, 3], gone: null };

const ROWS: readonly Row[] = [
  { name: "adds a field", patch: [{ op: "add", path: "/b", value: 1 }], result: { ...DOCUMENT, b: 1 } },
  {
    name: "inserts into a list",
    patch: [{ op: "add", path: "/list/1", value: 9 }],
    result: { ...DOCUMENT, list: [1, 9, 2, 3] },
  },
  {
    name: "appends with -",
    patch: [{ op: "add", path: "/list/-", value: 9 }],
    result: { ...DOCUMENT, list: [1, 2, 3, 9] },
  },
  { name: "removes", patch: [{ op: "remove", path: "/list/0" }], result: { ...DOCUMENT, list: [2, 3] } },
  {
    name: "replaces in a list",
    patch: [{ op: "replace", path: "/list/1", value: 9 }],
    result: { ...DOCUMENT, list: [1, 9, 3] },
  },
  {
    name: "reads ~1 as / and ~0 as ~",
    patch: [
      { op: "remove", path: "/a/x~1y" },
      { op: "remove", path: "/a/m~0n" },
    ],
    result: { ...DOCUMENT, a: {} },
  },
  {
    name: "moves",
    patch: [{ op: "move", from: "/list/0", path: "/first" }],
    result: { ...DOCUMENT, list: [2, 3], first: 1 },
  },
  { name: "copies", patch: [{ op: "copy", from: "/list/2", path: "/last" }], result: { ...DOCUMENT, last: 3 } },
  { name: "tests null", patch: [{ op: "test", path: "/gone", value: null }], result: DOCUMENT },
  {
    name: "tests a whole object",
    patch: [{ op: "test", path: "/a", value: { "m~n": 2, "x/y": 1 } }],
    result: DOCUMENT,
  },
];

for (const { name, patch, result } of ROWS)
  test(name, () => {
    const before = structuredClone(DOCUMENT);
    assert.deepEqual(applyJsonPatch(DOCUMENT, patch), result);
    assert.deepEqual(DOCUMENT, before, "the document is never changed in place");
  });

const REFUSED: readonly { readonly name: string; readonly patch: Json; readonly code: number }[] = [
  { name: "a test that fails is 422", patch: [{ op: "test", path: "/a", value: 1 }], code: 422 },
  { name: "removing what is not there is 422", patch: [{ op: "remove", path: "/none" }], code: 422 },
  { name: "replacing what is not there is 422", patch: [{ op: "replace", path: "/none", value: 1 }], code: 422 },
  { name: "adding below what is not there is 422", patch: [{ op: "add", path: "/none/x", value: 1 }], code: 422 },
  { name: "an index outside the list is 422", patch: [{ op: "add", path: "/list/4", value: 1 }], code: 422 },
  { name: "an unknown operation is 400", patch: [{ op: "merge", path: "/a" }], code: 400 },
  { name: "a path without a slash is 400", patch: [{ op: "remove", path: "a" }], code: 400 },
  { name: "a patch that is no list is 400", patch: { op: "remove" }, code: 400 },
];

for (const { name, patch, code } of REFUSED)
  test(name, () => {
    assert.throws(
      () => applyJsonPatch(DOCUMENT, patch),
      (error) => error instanceof ApiError && error.status.code === code,
    );
  });
