/** Queries: what they match, what they send as a selector, and which contain which. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import {
  formatQuery,
  implies,
  labelSelector,
  matches,
  metadataOf,
  select,
  withWhere,
  type LabelRule,
  type Where,
} from "../../runtime/kube/query.ts";

interface Row {
  readonly name: string;
  readonly where: Where;
  readonly isMatch: boolean;
}

const object = { metadata: { name: "settings", namespace: "team-a", labels: { mirror: "true", tier: "" } } };

const rows: readonly Row[] = [
  { name: "nothing matches everything", where: {}, isMatch: true },
  { name: "the name", where: { name: "settings" }, isMatch: true },
  { name: "another name", where: { name: "setting" }, isMatch: false },
  { name: "the namespace", where: { namespace: "team-a" }, isMatch: true },
  { name: "a longer namespace", where: { namespace: "team-ab" }, isMatch: false },
  { name: "no namespace is cluster-scoped", where: { namespace: "" }, isMatch: false },
  { name: "a prefix", where: { namePrefix: "set" }, isMatch: true },
  { name: "a prefix is no pattern", where: { namePrefix: "s.t" }, isMatch: false },
  { name: "a prefix is anchored", where: { namePrefix: "ettings" }, isMatch: false },
  { name: "a label", where: { labels: { mirror: "true" } }, isMatch: true },
  { name: "a label with an empty value", where: { labels: { tier: "" } }, isMatch: true },
  { name: "a label that is absent is not empty", where: { labels: { other: "" } }, isMatch: false },
  { name: "one of", where: { labels: { mirror: { in: ["no", "true"] } } }, isMatch: true },
  { name: "one of none", where: { labels: { mirror: { in: [] } } }, isMatch: false },
  { name: "none of", where: { labels: { mirror: { notIn: ["true"] } } }, isMatch: false },
  { name: "none of, also without the label", where: { labels: { other: { notIn: ["true"] } } }, isMatch: true },
  { name: "there", where: { labels: { tier: { exists: true } } }, isMatch: true },
  { name: "not there", where: { labels: { tier: { exists: false } } }, isMatch: false },
  {
    name: "a label named as JavaScript's own is as absent",
    where: { labels: { constructor: { exists: true } } },
    isMatch: false,
  },
  { name: "and none of", where: { labels: { toString: { notIn: ["true"] } } }, isMatch: true },
  { name: "all conditions together", where: { name: "settings", labels: { mirror: "no" } }, isMatch: false },
];

for (const { name, where, isMatch } of rows) {
  test(`query: ${name}`, () => assert.equal(matches(where, object), isMatch));
}

const label = fc.constantFrom("a", "constructor");
const value = fc.constantFrom("", "1", "2");
const rule: fc.Arbitrary<LabelRule> = fc.oneof(
  value,
  fc.record({ in: fc.array(value, { maxLength: 2 }) }),
  fc.record({ notIn: fc.array(value, { maxLength: 2 }) }),
  fc.record({ exists: fc.boolean() }),
);
const name = fc.constantFrom("a", "ab", "abc", "b");
const namespace = fc.constantFrom("", "n", "m");
const where = fc.record(
  { name, namespace, namePrefix: fc.constantFrom("", "a", "ab"), labels: fc.dictionary(label, rule, { maxKeys: 2 }) },
  { requiredKeys: [] },
);
const objects = fc.record({
  metadata: fc.record(
    { name, namespace: fc.constantFrom("n", "m"), labels: fc.dictionary(label, value, { maxKeys: 2 }) },
    { requiredKeys: ["name"] },
  ),
});

/** `wide` is, as often as chance will have it, the one or the other with some conditions left out. */
const pairs = fc.tuple(where, where, fc.boolean(), fc.subarray(["name", "namespace", "namePrefix", "labels"] as const));

test("query: what is implied holds for every object", () => {
  fc.assert(
    fc.property(pairs, objects, ([narrow, other, isOther, kept], one) => {
      const source = isOther ? other : narrow;
      const wide: Where = Object.fromEntries(kept.map((field) => [field, source[field]]));
      if (implies(narrow, wide) && matches(narrow, one)) assert.ok(matches(wide, one));
    }),
    { numRuns: 5000 },
  );
});

test("query: every query implies itself and the query for everything", () => {
  fc.assert(
    fc.property(where, (one) => {
      assert.ok(implies(one, {}));
      // A name beside a prefix that it lacks matches nothing; that is not looked into.
      fc.pre(one.name === undefined || one.namePrefix === undefined);
      assert.ok(implies(one, structuredClone(one)));
    }),
  );
});

for (const [narrow, wide, isImplied] of [
  ["small", { in: ["small", "large"] }, true],
  [{ in: ["small"] }, { in: ["small", "large"] }, true],
  [{ in: ["small", "huge"] }, { in: ["small", "large"] }, false],
  ["small", { exists: true }, true],
  ["small", { exists: false }, false],
  ["small", { notIn: ["large"] }, true],
  ["large", { notIn: ["large"] }, false],
  [{ exists: true }, { in: ["small"] }, false],
  [{ notIn: ["large"] }, { exists: true }, false],
] as const)
  test(`query: tier ${JSON.stringify(narrow)} is ${isImplied ? "" : "not "}within tier ${JSON.stringify(wide)}`, () => {
    assert.equal(implies({ labels: { tier: narrow } }, { labels: { tier: wide } }), isImplied);
  });

test("query: the selector is the API server's, in one order", () => {
  const labels = { z: "1", a: { in: ["y", "x"] }, b: { notIn: ["q"] }, c: { exists: true }, d: { exists: false } };
  assert.equal(labelSelector({ labels }), "!d,a in (x,y),b notin (q),c,z=1");
  assert.equal(labelSelector({}), undefined);
});

test("query: prints as one line that tells queries apart", () => {
  assert.equal(formatQuery(select(ConfigMap)), "v1/ConfigMap */*");
  assert.equal(
    formatQuery(select(ConfigMap, { namespace: "team-a", namePrefix: "x-", labels: { mirror: "true" } })),
    "v1/ConfigMap team-a/x-* [mirror=true]",
  );
  assert.equal(formatQuery(select(ConfigMap, { namespace: "n", name: "a" })), "v1/ConfigMap n/a");
});

test("query: what could be taken for the print's own signs is quoted", () => {
  const odd = { namespace: "*", name: "a/b", labels: { x: "1,y=2", "a b": { in: [""] } } };
  assert.equal(formatQuery(select(ConfigMap, odd)), 'v1/ConfigMap "*"/"a/b" ["a b" in (""),x="1,y=2"]');
  assert.equal(formatQuery(select(ConfigMap, { namePrefix: "a*" })), 'v1/ConfigMap */"a*"*');
});

/** Strings of the signs that a print has, so short that they often make up for a difference elsewhere. */
const odd = fc.string({
  unit: fc.constantFrom("a", "*", "/", "&", "[", "]", "=", ",", " ", '"', "(", "!"),
  maxLength: 3,
});
const oddRule: fc.Arbitrary<LabelRule> = fc.oneof(
  odd,
  fc.record({ in: fc.array(odd, { maxLength: 2 }) }),
  fc.record({ notIn: fc.array(odd, { maxLength: 2 }) }),
  fc.record({ exists: fc.boolean() }),
);
const oddWhere = fc.record(
  { name: odd, namespace: odd, namePrefix: odd, labels: fc.dictionary(odd, oddRule, { maxKeys: 2 }) },
  { requiredKeys: [] },
);

/** What `where` means: the same for conditions that differ in their order alone, or by a prefix of nothing. */
function meaning({ namespace, name, namePrefix = "", labels = {} }: Where): unknown {
  const rules = new Map(Object.entries(labels).map(([key, rule]) => [key, inOrder(rule)]));
  return { namespace, name, namePrefix, rules };
}

function inOrder(rule: LabelRule): unknown {
  if (typeof rule === "string") return rule;
  if ("in" in rule) return ["in", ...rule.in.toSorted()];
  return "notIn" in rule ? ["notIn", ...rule.notIn.toSorted()] : ["exists", rule.exists];
}

test("query: different queries print differently, whatever strings are in them", () => {
  const printed = new Map<string, unknown>();
  fc.assert(
    fc.property(oddWhere, (where) => {
      const text = formatQuery(select(ConfigMap, where));
      assert.deepEqual(printed.getOrInsert(text, meaning(where)), meaning(where), text);
    }),
    { numRuns: 20_000 },
  );
});

test("query: the metadata of objects is another query than the objects, and printed as such", () => {
  const copies = select(ConfigMap, { labels: { mirror: "true" } });
  assert.equal(formatQuery(metadataOf(copies)), "v1/ConfigMap */* [mirror=true] (metadata)");
  assert.equal(formatQuery(metadataOf(ConfigMap)), "v1/ConfigMap */* (metadata)");
  assert.equal(formatQuery({ ...copies, part: "departed" }), "v1/ConfigMap */* [mirror=true] (departed)");
  assert.deepEqual(metadataOf(metadataOf(copies)), metadataOf(copies));
});

test("query: other conditions leave the part as it is", () => {
  const where = { namespace: "team-a" };
  assert.equal(formatQuery(withWhere(metadataOf(ConfigMap), where)), "v1/ConfigMap team-a/* (metadata)");
  assert.equal(formatQuery(withWhere(select(ConfigMap), where)), "v1/ConfigMap team-a/*");
});
