/** What defineFunction accepts, what it fills in, and what it refuses by name. What must not compile: define-types.ts. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap, kind, Namespace } from "../../runtime/kube/kind.ts";
import { formatQuery, metadataOf, select } from "../../runtime/kube/query.ts";
import {
  defineFunction,
  fields,
  isDefined,
  readConfig,
  scale,
  status,
  type DefinedFunction,
} from "../../runtime/reconcile/define.ts";
import type { Schema } from "../../runtime/reconcile/schema.ts";
import { z } from "zod";

const reconcile = (): object => ({});
const least = { watches: ConfigMap, reconcile };

suite("define: refuses", () => {
  const rows: readonly { readonly name: string; readonly definition: unknown; readonly says: RegExp }[] = [
    { name: "no definition at all", definition: undefined, says: /takes one object/ },
    { name: "a bare function", definition: reconcile, says: /takes one object/ },
    { name: "a misspelt field", definition: { ...least, read: [] }, says: /read is not a field/ },
    { name: "no reconcile", definition: { watches: ConfigMap }, says: /reconcile must be a function/ },
    { name: "nothing to watch", definition: { reconcile }, says: /watches wants a kind/ },
    { name: "a kind given as text", definition: { ...least, watches: "ConfigMap" }, says: /watches wants a kind/ },
    { name: "several kinds to watch", definition: { ...least, watches: [ConfigMap] }, says: /watches wants a kind/ },
    { name: "a query of no kind", definition: { ...least, watches: { where: {} } }, says: /watches wants a kind/ },
    { name: "reads that are no list", definition: { ...least, reads: Namespace }, says: /reads must be a list/ },
    { name: "a read of undefined", definition: { ...least, reads: [undefined] }, says: /reads wants a kind/ },
    { name: "writes that are no list", definition: { ...least, writes: ConfigMap }, says: /writes must be a list/ },
    { name: "a write of null", definition: { ...least, writes: [null] }, says: /writes wants a kind/ },
    {
      name: "a query in writes",
      definition: { ...least, writes: [select(ConfigMap)] },
      says: /writes wants a kind/,
    },
    { name: "the status of no kind", definition: { ...least, writes: [{ subresource: "status" }] }, says: /writes/ },
    {
      name: "a subresource that is neither status nor scale",
      definition: { ...least, writes: [{ of: ConfigMap, subresource: "exec" }] },
      says: /subresource/,
    },
    {
      name: "a misspelt condition, which would match every object of the kind",
      definition: { ...least, where: { label: { mirror: "true" } } },
      says: /where.*label/,
    },
    {
      name: "a misspelt condition in a query",
      definition: { ...least, watches: select(ConfigMap, { prefix: "a" } as never) },
      says: /watches.*prefix/,
    },
    {
      name: 'a label that is true instead of "true"',
      definition: { ...least, where: { labels: { mirror: true } } },
      says: /where wants label mirror .* not boolean/,
    },
    ...["Indices", "in/dices", "", 1].map((plural) => ({
      name: `a plural that no resource has: ${JSON.stringify(plural)}`,
      definition: { ...least, writes: [{ ...kind("example.com/v1", "Index"), plural }] },
      says: /writes wants a plural \(indices\), (unlike|not) /,
    })),
    {
      name: "a label rule of two kinds",
      definition: { ...least, reads: [select(ConfigMap, { labels: { a: { in: ["x"], notIn: ["y"] } } })] },
      says: /reads wants label a /,
    },
    ...["a b", "", "-a", "a/", "/a", "a/b/c", "A.example/b", "a..b/c", "x".repeat(64), `${"d.".repeat(127)}e/f`].map(
      (key) => ({
        name: `a label key that no API server takes: ${key.slice(0, 12)}`,
        definition: { ...least, where: { labels: { [key]: "x" } } },
        says: /where wants labels with keys such as team or example.com\/team, unlike "/,
      }),
    ),
    ...["a b", "-", "a-", "é", "a/b", "x".repeat(64), "a\n"].map((value) => ({
      name: `a label value that no API server takes: ${value.slice(0, 12)}`,
      definition: { ...least, reads: [select(ConfigMap, { labels: { a: { in: ["x", value] } } })] },
      says: /reads wants label a with values of at most 63/,
    })),
    { name: "a name that is no text", definition: { ...least, where: { name: 1 } }, says: /where.*name/ },
    {
      name: "conditions of one label that no selector can say at once",
      definition: {
        ...least,
        watches: select(ConfigMap, { labels: { tier: { notIn: ["db"] } } }),
        where: { labels: { tier: { exists: true } } },
      },
      says: /where and watches name one label, one with notIn, one with exists/,
    },
    { name: "conditions that are none", definition: { ...least, where: "mirror=true" }, says: /where/ },
    {
      name: "a part of objects that there is not",
      definition: { ...least, reads: [{ ...select(ConfigMap), part: "metadata+digest" }] },
      says: /reads wants a part \(metadataOf\(KIND\)\)/,
    },
    {
      name: "the status of objects whose metadata alone is watched",
      definition: { ...least, watches: metadataOf(ConfigMap), reads: [ConfigMap], writes: [status(ConfigMap)] },
      says: /status\(ConfigMap\): declare ConfigMap whole in watches/,
    },
    {
      name: "the scale of objects whose metadata alone is read",
      definition: { ...least, reads: [metadataOf(Namespace)], writes: [scale(Namespace)] },
      says: /scale\(Namespace\): declare Namespace whole in reads/,
    },
    { name: "the fields of no kind", definition: { ...least, writes: [{ fieldsOf: "Deployment" }] }, says: /writes/ },
    {
      name: "the fields of objects that are not read: it could not know which are there",
      definition: { ...least, writes: [fields(Namespace)] },
      says: /fields\(Namespace\): declare Namespace whole in reads/,
    },
    {
      name: "the fields of objects whose metadata alone is read",
      definition: { ...least, reads: [metadataOf(Namespace)], writes: [fields(Namespace)] },
      says: /fields\(Namespace\): declare Namespace whole in reads/,
    },
    { name: "a configuration without a schema", definition: { ...least, config: { prefixes: [] } }, says: /config/ },
  ];
  for (const { name, definition, says } of rows) {
    test(name, () => {
      assert.throws(() => defineFunction(definition as never), { code: "FUNCTION_INVALID", message: says });
    });
  }
});

test("gives what a function left out: no reads, no writes, every object of the kind it watches", () => {
  const { watches, reads, writes, applies, subresources, config } = defineFunction({
    watches: ConfigMap,
    reconcile: () => ({}),
  });
  assert.deepEqual(
    [formatQuery(watches), reads, writes, applies, subresources, config],
    ["v1/ConfigMap */*", [], [], [], [], undefined],
  );
});

test("narrows what is watched by `where`, and keeps the conditions of the query", () => {
  const { watches } = defineFunction({
    watches: select(ConfigMap, { namespace: "default", labels: { mirror: "true" } }),
    where: { labels: { tier: { exists: true } } },
    reconcile: () => ({}),
  });
  assert.equal(formatQuery(watches), "v1/ConfigMap default/* [mirror=true,tier]");
});

test("takes labels of every form that the API server takes", () => {
  const longest = "x".repeat(63);
  const labels = {
    [longest]: longest,
    [`${"d.".repeat(126)}e/A_b.c-9`]: "",
    "a.example-2.com/b": { in: ["A_b.c-9", "0"] },
    c: { notIn: [] },
    d: { exists: false },
  };
  const { watches } = defineFunction({ watches: ConfigMap, where: { labels }, reconcile: () => ({}) });
  assert.deepEqual(watches.where.labels, labels);
});

test("keeps to the metadata of what is watched, also when `where` narrows it", () => {
  const { watches, reads } = defineFunction({
    watches: metadataOf(ConfigMap),
    where: { namespace: "default" },
    reads: [metadataOf(Namespace), Namespace],
    reconcile: () => ({}),
  });
  assert.deepEqual([watches, ...reads].map(formatQuery), [
    "v1/ConfigMap default/* (metadata)",
    "v1/Namespace */* (metadata)",
    "v1/Namespace */*",
  ]);
});

test("tells kinds, fields of others' objects and subresources apart", () => {
  const Deployment = kind("apps/v1", "Deployment");
  const { writes, applies, subresources } = defineFunction({
    watches: ConfigMap,
    reads: [Deployment],
    writes: [ConfigMap, fields(ConfigMap), status(ConfigMap), scale(Deployment), fields(Deployment)],
    reconcile: () => ({}),
  });
  assert.deepEqual(writes, [ConfigMap]);
  assert.deepEqual(applies, [ConfigMap, Deployment]);
  assert.deepEqual(subresources, [
    { of: ConfigMap, subresource: "status" },
    { of: Deployment, subresource: "scale" },
  ]);
});

test("knows its own values from look-alikes", () => {
  const defined = defineFunction({ watches: ConfigMap, reconcile: () => ({}) });
  assert.equal(isDefined(defined), true);
  for (const other of [{ ...least }, reconcile, null, undefined, "defined"]) assert.equal(isDefined(other), false);
});

test("makes a value that nobody can change", () => {
  const defined = defineFunction({ watches: ConfigMap, reconcile: () => ({}) }) as { reconcile: unknown };
  assert.throws(() => void (defined.reconcile = reconcile), TypeError);
});

function withSchema(config: Schema<unknown> | undefined): DefinedFunction {
  return defineFunction({ watches: ConfigMap, reconcile: () => ({}), ...(config && { config }) });
}

suite("define: configuration", () => {
  const prefixes = z.object({ prefixes: z.array(z.string()).min(1), retries: z.number().default(3) });
  const asynchronous: Schema<unknown> = {
    "~standard": { version: 1, vendor: "test", validate: (value) => Promise.resolve({ value }) },
  };
  const pointed: Schema<unknown> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: () => ({ issues: [{ message: "no", path: [{ key: "a" }, 0] }, { message: "never" }] }),
    },
  };
  const rows: readonly {
    readonly name: string;
    readonly schema: Schema<unknown> | undefined;
    readonly value: unknown;
    readonly gives: unknown;
  }[] = [
    {
      name: "is what the schema makes of it, defaults filled in",
      schema: prefixes,
      value: { prefixes: ["team-"] },
      gives: { config: { prefixes: ["team-"], retries: 3 } },
    },
    {
      name: "names the path of what is wrong",
      schema: prefixes,
      value: { prefixes: ["team-", 1] },
      gives: { issues: [{ path: ["prefixes", 1], message: "Invalid input: expected string, received number" }] },
    },
    {
      name: "that is missing is checked as an empty one",
      schema: prefixes,
      value: undefined,
      gives: { issues: [{ path: ["prefixes"], message: "Invalid input: expected array, received undefined" }] },
    },
    {
      name: "is undefined for a function without a schema",
      schema: undefined,
      value: null,
      gives: { config: undefined },
    },
    {
      name: "for a function without a schema is refused",
      schema: undefined,
      value: {},
      gives: { issues: [{ path: [], message: "the function takes no configuration" }] },
    },
    {
      name: "of an asynchronous schema is refused",
      schema: asynchronous,
      value: {},
      gives: { issues: [{ path: [], message: "the function's schema is asynchronous; make it synchronous" }] },
    },
    {
      name: "takes paths in both forms of the standard",
      schema: pointed,
      value: {},
      gives: {
        issues: [
          { path: ["a", 0], message: "no" },
          { path: [], message: "never" },
        ],
      },
    },
  ];
  for (const { name, schema, value, gives } of rows) {
    test(name, () => assert.deepEqual(readConfig(withSchema(schema), value), gives));
  }
});
