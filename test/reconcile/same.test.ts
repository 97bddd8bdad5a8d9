/** When what is there already says what is wanted: too strict costs requests, too lax leaves a wrong object in place. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { KubeObject, ObjectMeta, StoredObject } from "../../runtime/kube/object.ts";
import { isContentSame, isEqual, isSame, isSubset, isSpelledOut, within } from "../../runtime/reconcile/same.ts";
import { configMap, digested, other } from "./builders.ts";

interface Row {
  readonly name: string;
  readonly want: KubeObject;
  readonly have: StoredObject;
  readonly same: boolean;
  readonly why?: string;
}

const map = (more: Parameters<typeof configMap>[1] = {}): StoredObject => configMap("n/a", more);
const labelled = (labels: Record<string, string>): StoredObject => map({ labels });
const annotated = (annotations: Record<string, string>): StoredObject => map({ annotations });

const rows: readonly Row[] = [
  { name: "the same data", want: map({ data: { a: "1" } }), have: map({ data: { a: "1" } }), same: true },
  { name: "a changed value", want: map({ data: { a: "1" } }), have: map({ data: { a: "2" } }), same: false },
  {
    name: "a key that is missing",
    want: map({ data: { a: "1", b: "2" } }),
    have: map({ data: { a: "1" } }),
    same: false,
  },
  { name: "a key too many", want: map({ data: { a: "1" } }), have: map({ data: { a: "1", b: "2" } }), same: false },
  {
    name: "keys in another order",
    want: map({ data: { a: "1", b: "2" } }),
    have: map({ data: { b: "2", a: "1" } }),
    same: true,
  },
  { name: "data that should not be there", want: map(), have: map({ data: { a: "1" } }), same: false },
  {
    name: "a key with empty text that should not be there",
    want: map({ data: {} }),
    have: map({ data: { a: "" } }),
    same: false,
  },
  {
    name: "empty and absent data",
    want: map({ data: {} }),
    have: map(),
    same: true,
    why: "the server drops empty maps",
  },
  { name: "absent and empty data", want: map(), have: map({ data: {} }), same: true },
  {
    name: "other bytes",
    want: map({ binaryData: { a: "AA==" } }),
    have: map({ binaryData: { a: "AQ==" } }),
    same: false,
  },
  {
    name: "a key too many that every JavaScript object inherits",
    want: map({ data: {} }),
    have: map({ data: JSON.parse('{"constructor":"1"}') as Record<string, string> }),
    same: false,
  },
  { name: "bytes that are missing", want: map({ binaryData: { a: "AA==" } }), have: map(), same: false },
  { name: "bytes too many", want: map(), have: map({ binaryData: { a: "AA==" } }), same: false },
  {
    name: "text instead of bytes",
    want: map({ binaryData: { a: "AA==" } }),
    have: map({ data: { a: "AA==" } }),
    same: false,
  },
  { name: "not yet immutable", want: map({ immutable: true }), have: map(), same: false },
  {
    name: "an undefined value",
    want: map({ data: { a: undefined as unknown as string } }),
    have: map(),
    same: true,
    why: "JSON has none",
  },
  { name: "immutable against the wish", want: map(), have: map({ immutable: true }), same: false },
  { name: "immutable: false and absent", want: map({ immutable: false }), have: map(), same: true },
  {
    name: "a status",
    want: map(),
    have: other("v1", "ConfigMap", "n/a", { status: { x: 1 } }),
    same: true,
    why: "it is the server's",
  },
  { name: "a foreign label", want: map(), have: labelled({ team: "a" }), same: true },
  { name: "a wanted label that is missing", want: labelled({ a: "1" }), have: map(), same: false },
  { name: "a wanted label with another value", want: labelled({ a: "1" }), have: labelled({ a: "2" }), same: false },
  { name: "a label under our prefix too many", want: map(), have: labelled({ "evenkeel.dev/x": "1" }), same: false },
  { name: "a foreign annotation", want: map(), have: annotated({ "kubectl.kubernetes.io/x": "1" }), same: true },
  {
    name: "an annotation under our prefix too many",
    want: map(),
    have: annotated({ "evenkeel.dev/retain": "true" }),
    same: false,
  },
  {
    name: "a wanted annotation of our prefix",
    want: annotated({ "evenkeel.dev/retain": "true" }),
    have: map(),
    same: false,
  },
  {
    name: "what the server keeps in metadata",
    want: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "n" } },
    have: map({ generation: 3, finalizers: ["x/y"], ownerReferences: [], deletionTimestamp: "now" }),
    same: true,
  },
];

suite("same: want and have", () => {
  for (const { name, want, have, same, why } of rows) {
    test(`${name}: ${same ? "no write" : "a write"}`, () => {
      assert.equal(isSame(want, have), same, why ?? name);
      assert.equal(isSame(want, digested(have)), same, "by digest");
    });
  }
});

test("the content alone decides whether an immutable object must be replaced", () => {
  const have = map({ immutable: true, data: { a: "1" }, labels: { a: "1" } });
  assert.equal(isContentSame(map({ immutable: true, data: { a: "1" }, labels: { a: "2" } }), have), true);
  assert.equal(isContentSame(map({ immutable: true, data: { a: "2" }, labels: { a: "1" } }), have), false);
});

const nested = (value: unknown): unknown => ({ spec: { x: value } });

suite("same: the wanted fields are there", () => {
  const rows: readonly {
    readonly name: string;
    readonly want: unknown;
    readonly have: unknown;
    /** Where a digest tells what was sent. */
    readonly subset: boolean;
    /** Where nothing does. */
    readonly all: boolean;
  }[] = [
    { name: "fields of others", want: { a: 1 }, have: { a: 1, b: 2 }, subset: true, all: true },
    {
      name: "fields of others deep down",
      want: nested({ a: 1 }),
      have: nested({ a: 1, b: 2 }),
      subset: true,
      all: true,
    },
    { name: "another value", want: nested(1), have: nested(2), subset: false, all: false },
    { name: "a missing field", want: nested(1), have: {}, subset: false, all: false },
    { name: "zero is not absent", want: nested(0), have: {}, subset: false, all: false },
    { name: "empty text is not absent", want: nested(""), have: {}, subset: false, all: false },
    {
      name: "false may have been dropped by the server",
      want: nested(false),
      have: { spec: {} },
      subset: true,
      all: false,
    },
    { name: "false is not true", want: nested(false), have: nested(true), subset: false, all: false },
    { name: "so may an empty object", want: nested({}), have: { spec: {} }, subset: true, all: false },
    {
      name: "an empty object among fields of others",
      want: nested({}),
      have: nested({ a: 1 }),
      subset: true,
      all: true,
    },
    { name: "so may an empty list", want: nested([]), have: { spec: {} }, subset: true, all: false },
    { name: "an empty list is not a full one", want: nested([]), have: nested([1]), subset: false, all: false },
    { name: "an absent wish is none", want: { a: undefined }, have: {}, subset: true, all: true },
    { name: "text where an object should be", want: nested({ a: 1 }), have: nested("a"), subset: false, all: false },
    { name: "an object where text should be", want: nested("a"), have: nested({ a: 1 }), subset: false, all: false },
    { name: "a list where an object should be", want: nested({ a: 1 }), have: nested([1]), subset: false, all: false },
    { name: "the same list", want: nested([1, "a"]), have: nested([1, "a"]), subset: true, all: true },
    { name: "a list in another order", want: nested([1, 2]), have: nested([2, 1]), subset: false, all: false },
    { name: "a longer list", want: nested([1]), have: nested([1, 2]), subset: false, all: false },
    {
      name: "list items that the server completed",
      want: nested([{ name: "web", image: "nginx" }]),
      have: nested([{ name: "web", image: "nginx", imagePullPolicy: "Always" }]),
      subset: true,
      all: true,
    },
    {
      name: "list items with another value",
      want: nested([{ name: "web", image: "nginx:2" }]),
      have: nested([{ name: "web", image: "nginx:1", imagePullPolicy: "Always" }]),
      subset: false,
      all: false,
    },
  ];
  for (const { name, want, have, subset, all } of rows) {
    test(name, () => assert.deepEqual([isSubset(want, have), isSpelledOut(want, have)], [subset, all]));
  }
});

suite("same: what is there where something is wanted", () => {
  const rows: readonly {
    readonly name: string;
    readonly want: unknown;
    readonly have: unknown;
    readonly is: unknown;
  }[] = [
    { name: "is the wanted fields' part", want: nested({ a: 1 }), have: nested({ a: 2, b: 3 }), is: nested({ a: 2 }) },
    { name: "of an absent field is nothing", want: { a: 1 }, have: {}, is: { a: undefined } },
    { name: "of an unsaid wish is nothing", want: { a: undefined }, have: { a: 1 }, is: { a: undefined } },
    { name: "where text is wanted is all of an object", want: "a", have: { a: 1 }, is: { a: 1 } },
    {
      name: "of a list as long as the wanted one is its items' part",
      want: [{ a: 1 }],
      have: [{ a: 2, b: 3 }],
      is: [{ a: 2 }],
    },
    { name: "of a longer list is all", want: [{ a: 1 }], have: [{ a: 2, b: 3 }, {}], is: [{ a: 2, b: 3 }, {}] },
    { name: "is no inherited field", want: { constructor: "a" }, have: {}, is: { constructor: undefined } },
  ];
  for (const { name, want, have, is } of rows) test(name, () => assert.deepEqual(within(want, have), is));
});

const texts = fc.dictionary(fc.string({ maxLength: 3 }), fc.string({ maxLength: 3 }), { maxKeys: 4 });
const anyMeta: fc.Arbitrary<Partial<ObjectMeta>> = fc.record(
  { labels: texts, annotations: texts },
  { requiredKeys: [] },
);
const anyMap = fc
  .tuple(anyMeta, fc.record({ data: texts, binaryData: texts, immutable: fc.boolean() }, { requiredKeys: [] }))
  .map(([meta, content]) => configMap("n/a", { ...meta, ...content }));
const anyJson = fc.jsonValue({ maxDepth: 3 });

suite("same: for all objects", () => {
  test("an object is the same as itself", () => {
    fc.assert(
      fc.property(
        anyMap,
        (object) => isSame(object, object) && isSubset(object, object) && isSpelledOut(object, object),
      ),
    );
  });

  test("sameness of content has no direction", () => {
    fc.assert(fc.property(anyMap, anyMap, (a, b) => isContentSame(a, b) === isContentSame(b, a)));
    fc.assert(fc.property(anyJson, anyJson, (a, b) => isEqual(a, b) === isEqual(b, a)));
  });

  test("a digest says what the content says", () => {
    fc.assert(
      fc.property(anyMap, anyMap, (a, b) => isContentSame(a, b) === isContentSame(a, digested(b))),
      { numRuns: 1_000 },
    );
    fc.assert(fc.property(anyMap, (object) => isSame(object, digested(object))));
  });

  test("an object that went through JSON is the same", () => {
    fc.assert(fc.property(anyMap, (object) => isSame(object, JSON.parse(JSON.stringify(object)) as KubeObject)));
    fc.assert(fc.property(anyJson, (value) => isEqual(value, JSON.parse(JSON.stringify(value)))));
  });

  test("a changed, added or removed entry of data is never overlooked", () => {
    fc.assert(
      fc.property(texts, fc.string({ maxLength: 3 }), fc.string({ maxLength: 3 }), (data, key, value) => {
        fc.pre(!Object.hasOwn(data, key) || data[key] !== value);
        const changed = { ...data, [key]: value };
        return !isSame(map({ data }), map({ data: changed })) && !isSame(map({ data: changed }), map({ data }));
      }),
    );
  });

  test("all fields wanted and there are a subset, and a subset of an object with more", () => {
    fc.assert(
      fc.property(anyJson, (value) => isSpelledOut(value, value) && isSpelledOut({ value }, { value, more: 1 })),
    );
    fc.assert(fc.property(anyJson, anyJson, (want, have) => !isSpelledOut(want, have) || isSubset(want, have)));
  });
});
