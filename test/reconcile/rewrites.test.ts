/** When writing the same again and again is a fight, and when it is work. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FUNCTION_LABEL, METADATA } from "../../runtime/reconcile/provenance.ts";
import { Rewrites, type Wish } from "../../runtime/reconcile/rewrites.ts";
import { configMap } from "./builders.ts";

const wish = (inputs: string | undefined, a = "1", meta: Parameters<typeof configMap>[1] = {}): Wish => ({
  inputs,
  body: configMap("team-a/settings", { ...meta, data: { a } }),
  isCreate: false,
});
/** Of a child whose label `tick` is wanted, and whose label `theirs` is another's. */
const labelled = (i: number, tick: string, theirs: string): Wish =>
  wish(`${i}`, "1", {
    labels: { [FUNCTION_LABEL]: "mirror", tick, theirs },
    annotations: { [METADATA]: "labels/tick" },
  });
const create: Wish = { ...wish("1"), isCreate: true };

interface Written {
  readonly wish: Wish;
  readonly atMs: number;
  readonly target?: string;
}

const every = (stepMs: number, count: number, wishOf: (i: number) => Wish): readonly Written[] =>
  Array.from({ length: count }, (_, i) => ({ wish: wishOf(i), atMs: i * stepMs }));

const rows: readonly {
  readonly name: string;
  readonly written: readonly Written[];
  readonly next: Written;
  readonly isTooMany: boolean;
  readonly why?: string;
}[] = [
  { name: "a first write", written: [], next: { wish: wish("1"), atMs: 0 }, isTooMany: false },
  {
    name: "the tenth of the same wish",
    written: every(1, 9, () => wish("1")),
    next: { wish: wish("1"), atMs: 10 },
    isTooMany: false,
  },
  {
    name: "the eleventh of the same wish",
    written: every(1, 10, () => wish("1")),
    next: { wish: wish("1"), atMs: 11 },
    isTooMany: true,
  },
  {
    name: "the eleventh, over an object that others changed meanwhile",
    written: every(1, 10, (i) => wish("1", "1", { resourceVersion: `${i}` })),
    next: { wish: wish("1", "1", { labels: { b: "2" } }), atMs: 11 },
    isTooMany: true,
  },
  {
    name: "the eleventh of what a touched source still wants",
    written: every(1, 10, (i) => wish(`${i}`)),
    next: { wish: wish("11"), atMs: 11 },
    isTooMany: true,
    why: "its content did not change",
  },
  {
    name: "the eleventh of what a function makes up anew each time",
    written: every(1, 10, (i) => wish("1", `${i}`)),
    next: { wish: wish("1", "11"), atMs: 11 },
    isTooMany: true,
    why: "the source did not change",
  },
  {
    name: "the eleventh of as many edits of the source",
    written: every(1, 10, (i) => wish(`${i}`, `${i}`)),
    next: { wish: wish("11", "11"), atMs: 11 },
    isTooMany: false,
  },
  {
    name: "the eleventh label that as many edits of the source want",
    written: every(1, 10, (i) => labelled(i, `${i}`, "1")),
    next: { wish: labelled(11, "11", "1"), atMs: 11 },
    isTooMany: false,
  },
  {
    name: "the eleventh of one label, beside one that another changes at each edit",
    written: every(1, 10, (i) => labelled(i, "1", `${i}`)),
    next: { wish: labelled(11, "1", "11"), atMs: 11 },
    isTooMany: true,
  },
  {
    name: "the eleventh of the same, whatever the source",
    written: every(1, 10, () => wish(undefined)),
    next: { wish: wish(undefined), atMs: 11 },
    isTooMany: true,
  },
  {
    name: "the eleventh of another each time, whatever the source",
    written: every(1, 10, (i) => wish(undefined, `${i}`)),
    next: { wish: wish(undefined, "11"), atMs: 11 },
    isTooMany: false,
  },
  {
    name: "a new edit after ten of the same",
    written: every(1, 10, () => wish("1")),
    next: { wish: wish("2", "2"), atMs: 11 },
    isTooMany: false,
  },
  {
    name: "the eleventh, more than ten minutes after the first",
    written: every(60_000, 10, () => wish("1")),
    next: { wish: wish("1"), atMs: 600_001 },
    isTooMany: false,
  },
  {
    name: "a person who repairs by hand every two minutes all day",
    written: every(120_000, 200, () => wish("1")),
    next: { wish: wish("1"), atMs: 200 * 120_000 },
    isTooMany: false,
  },
  {
    name: "the first create after ten rewrites",
    written: every(1, 10, () => wish("1")),
    next: { wish: create, atMs: 11 },
    isTooMany: false,
    why: "nobody writes back what is not there",
  },
  {
    name: "the eleventh create, whatever was written in between",
    written: every(1, 20, (i) => (i % 2 === 0 ? create : wish("1"))),
    next: { wish: create, atMs: 21 },
    isTooMany: true,
  },
  {
    name: "the eleventh rewrite after a create in between",
    written: [...every(1, 10, () => wish("1")), { wish: create, atMs: 10 }],
    next: { wish: wish("1"), atMs: 11 },
    isTooMany: true,
    why: "an object that is made anew is no truce",
  },
  {
    name: "the first of another object",
    written: every(1, 10, () => wish("1")),
    next: { wish: wish("1"), atMs: 11, target: "other" },
    isTooMany: false,
  },
];

suite("rewrites: too many?", () => {
  for (const { name, written, next, isTooMany, why } of rows) {
    test(`${name}: ${isTooMany ? "yes" : "no"}`, () => {
      const rewrites = new Rewrites();
      for (const { wish, atMs, target = "copy" } of written) rewrites.wrote(target, wish, atMs);
      assert.equal(rewrites.isTooMany(next.target ?? "copy", next.wish, next.atMs), isTooMany, why ?? name);
    });
  }
});

test("targets that nobody wishes for any more are forgotten, and count from nothing when they are wished for again", () => {
  const rewrites = new Rewrites();
  for (let i = 0; i < 10; i++) for (const target of ["a", "b"]) rewrites.wrote(target, wish("1"), i);
  rewrites.keepOnly(new Set(["a"]));
  assert.deepEqual(
    ["a", "b"].map((target) => rewrites.isTooMany(target, wish("1"), 11)),
    [true, false],
  );
  rewrites.keepOnly(new Set(), 600_000);
  assert.equal(rewrites.size, 1, "where not all wishes are known, what still counts is kept");
  rewrites.keepOnly(new Set(), 600_010);
  assert.equal(rewrites.size, 0);
});
