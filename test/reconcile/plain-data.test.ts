/** What can leave a function, and where it lies when it cannot. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { notPlain, PlainWalk } from "../../runtime/reconcile/plain-data.ts";

interface Row {
  readonly name: string;
  readonly value: unknown;
}

class Named {
  readonly a = 1;
}

class Listed extends Array<unknown> {
  toJSON(): readonly unknown[] {
    return [];
  }
}

const holdingItself: Record<string, unknown> = {};
holdingItself["a"] = { b: [holdingItself] };
const long: unknown[] = [];
long.length = 2 ** 32 - 1;

suite("plain data is", () => {
  const shared = { a: 1 };
  const rows: readonly Row[] = [
    { name: "a text, a number, a truth value, null, nothing", value: ["a", 1, true, null, undefined] },
    { name: "an object without a prototype", value: Object.assign(Object.create(null) as object, { a: 1 }) },
    { name: "what two places share", value: { a: shared, b: [shared, shared] } },
    {
      name: "a field called constructor, or __proto__",
      value: JSON.parse(`{ "constructor": 1, "__proto__": { "a": 1 } }`),
    },
    { name: "an object that is frozen", value: Object.freeze({ a: Object.freeze([1]) }) },
    { name: "what nests 256 deep", value: nested(255) },
  ];
  for (const { name, value } of rows) test(name, () => assert.equal(notPlain(value), undefined));
});

suite("no plain data is", () => {
  const rows: readonly (Row & { readonly fault: string })[] = [
    { name: "a Date", value: { data: { since: new Date(0) } }, fault: "data.since is a Date" },
    { name: "a Map", value: new Map(), fault: "is a Map" },
    { name: "an object of a class", value: { a: [0, new Named()] }, fault: "a.1 is a Named" },
    {
      name: "an object whose class hides",
      value: { a: { __proto__: { constructor: 7 } } },
      fault: "a is a thing of its own making",
    },
    { name: "a function", value: [() => 1], fault: "0 is a function" },
    { name: "a symbol", value: { a: Symbol("b") }, fault: "a is a symbol" },
    { name: "a bigint", value: { a: 1n }, fault: "a is a bigint" },
    { name: "no number", value: { a: Number.NaN }, fault: "a is NaN" },
    { name: "a number without end", value: [Number.NEGATIVE_INFINITY], fault: "0 is -Infinity" },
    { name: "what holds itself", value: holdingItself, fault: "a.b.0 holds itself" },
    { name: "a list with a hole", value: { a: [1, , 3] }, fault: "a.1 is a hole in a list" }, // oxlint-disable-line no-sparse-arrays -- it is the point
    { name: "a list of four billion holes, told at once", value: long, fault: "0 is a hole in a list" },
    { name: "a list with a field", value: Object.assign([1], { a: 2 }), fault: "a is a field of a list" },
    { name: "a list of a class", value: { a: Listed.from([1]) }, fault: "a is a Listed" },
    { name: "what nests 257 deep", value: nested(256), fault: `${"a.".repeat(15)}a… nests deeper than 256` },
    { name: "a buffer", value: { a: new Uint8Array(1) }, fault: "a is a Uint8Array" },
    { name: "shared memory", value: { a: new SharedArrayBuffer(1) }, fault: "a is a SharedArrayBuffer" },
  ];
  for (const { name, value, fault } of rows) test(name, () => assert.equal(notPlain(value), fault));
});

suite("the size of what was met", () => {
  test("counts what two places share once", () => {
    const shared = { a: "x".repeat(1_000) };
    assert.ok(size([shared, shared], shared) < 1_100);
  });

  test("counts keys and empty values: they take room as well", () => {
    assert.ok(size({ ["x".repeat(1_000)]: 1 }) > 1_000);
    assert.ok(size(Array.from({ length: 1_000 }, () => ({}))) > 1_000);
  });

  test("is at least that of the JSON, for what is shared by nobody", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const json = JSON.stringify(value);
        // A number is written in up to 24 characters, and a control character in 6.
        assert.ok(size(value) * 6 + 24 >= json.length, json);
      }),
    );
  });
});

test("what passes is the same for whoever gets it: as JSON, and as a structured clone", () => {
  fc.assert(
    fc.property(
      fc.anything({ withNullPrototype: true, withDate: true, withMap: true, withSparseArray: true }),
      (value) => {
        if (notPlain(value) !== undefined) return;
        assert.equal(notPlain(structuredClone(value)), undefined);
        assert.equal(JSON.stringify(structuredClone(value)), JSON.stringify(value));
      },
    ),
  );
});

function nested(levels: number): unknown {
  let value: unknown = {};
  for (let i = 0; i < levels; i++) value = { a: value };
  return value;
}

function size(...values: readonly unknown[]): number {
  const walk = new PlainWalk();
  for (const value of values) assert.equal(walk.fault(value), undefined);
  return walk.charCount;
}
