/** Structs: what each word of the notation means. What is written in it is held by the real server's schemas. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Schema } from "../../runtime/apiserver/schema.ts";
import { structs } from "../../runtime/apiserver/structs.ts";

const OMITTED = { "x-evenkeel-omit-zero": true } as const;
const ITEM: Schema = { type: "object", properties: { key: { type: "string" } }, "x-kubernetes-map-type": "atomic" };
const KEYED = {
  type: "array",
  items: ITEM,
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["key"],
} as const;
const MERGED = { ...KEYED, "x-kubernetes-patch-merge-key": "key" } as const;

const TABLE: readonly (readonly [field: string, schema: Schema])[] = [
  ["f string", { type: "string", ...OMITTED }],
  ["f string!", { type: "string" }],
  ["f *int32", { type: "integer", format: "int32" }],
  ["f *int32 = 3", { type: "integer", format: "int32", default: 3 }],
  ["f Quantity", { format: "quantity" }],
  ["f map string", { type: "object", additionalProperties: { type: "string" } }],
  [
    "f atomic map string",
    { type: "object", additionalProperties: { type: "string" }, "x-kubernetes-map-type": "atomic" },
  ],
  ["f []string", { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "atomic" }],
  ["f []string set", { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" }],
  ["f *Item = {}", { ...ITEM, default: {} }],
  ["f []Item by key", { ...MERGED, "x-kubernetes-patch-strategy": "merge" }],
  ["f []Item by key retainKeys", { ...MERGED, "x-kubernetes-patch-strategy": "merge,retainKeys" }],
  ["f []Item keyed key", KEYED],
  ["f Item retainKeys", { ...ITEM, "x-kubernetes-patch-strategy": "retainKeys" }],
];

for (const [field, schema] of TABLE)
  test(`${field} is ${JSON.stringify(schema)}`, () => {
    const struct = structs(`Whole: ${field},\n  last bool!\nItem atomic: key string!`, {});
    assert.deepEqual(struct("Whole"), { type: "object", properties: { f: schema, last: { type: "boolean" } } });
  });

test("a struct that is nowhere and a field that is none are errors", () => {
  for (const text of ["Whole: f Nowhere", "Whole: f [string", "Other: f string"])
    assert.throws(() => structs(text, {})("Whole"), /the structs have no/);
});
