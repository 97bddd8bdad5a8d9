/** What the author of a function can rely on when testing it with `#evenkeel/testing`: the host's answers and the host's refusals. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { z } from "#evenkeel";
import { childOf, effectsOf, type World } from "#evenkeel/testing";
import cleanup from "../../functions/cleanup-on-delete.ts";
import mirror from "../../functions/mirror.ts";
import { ConfigMap, kind, Namespace } from "../../runtime/kube/kind.ts";
import type { KubeObject } from "../../runtime/kube/object.ts";
import { metadataOf } from "../../runtime/kube/query.ts";
import { defineFunction, type DefinedFunction } from "../../runtime/reconcile/define.ts";
import type { CacheReader } from "../../runtime/cache/reader.ts";
import type { Context } from "../../runtime/reconcile/define.ts";

const Quota = kind("v1", "ResourceQuota");
const quota = { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "pods", namespace: "team-a" } } as const;

const configMap = (
  namespace: string,
  name: string,
  content: object = {},
  labels?: Record<string, string>,
): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace, ...(labels && { labels }) },
  ...content,
});
const namespace = (name: string, fields: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name },
  ...fields,
});

const source = configMap("default", "settings", { data: { a: "1" } }, { mirror: "true" });
/** Watches what `source` is, and does as told. */
function functionOf(reconcile: (cache: CacheReader, context: Context<undefined>) => object): DefinedFunction {
  return defineFunction({
    watches: ConfigMap,
    writes: [Quota],
    reconcile: (_, cache, context) => reconcile(cache, context),
  });
}

/** Not pure: it remembers. */
function counting(): () => object {
  let count = 0;
  return () => ({ memo: count++ });
}

const teams = [namespace("team-a"), namespace("team-b"), namespace("other")];

suite("a function on trial", () => {
  test("is answered from the world, with its configuration", () => {
    const { children } = effectsOf(mirror, { object: source, others: teams, config: { prefixes: ["team-"] } });
    assert.deepEqual(
      children?.map(({ metadata, data }) => ({ namespace: metadata.namespace, data })),
      ["team-a", "team-b"].map((namespace) => ({ namespace, data: { a: "1" } })),
    );
  });

  test("sees the children that it, or another function, made", () => {
    const copy = childOf(source, "mirror", configMap("team-a", "settings"));
    assert.deepEqual(effectsOf(cleanup, { object: copy, others: [source] }), {});
    assert.equal(effectsOf(cleanup, { object: copy }).deletions?.[0]?.metadata.name, "settings");
  });

  test("is shown what was there, and is gone", () => {
    const copy = childOf(source, "mirror", configMap("team-a", "settings"));
    const asking = { ...source, metadata: { ...source.metadata, annotations: { "evenkeel.dev/retain": "true" } } };
    assert.equal(effectsOf(cleanup, { object: copy, departed: [asking] }).releases?.length, 1);
    assert.deepEqual(effectsOf(cleanup, { object: copy, others: [source], departed: [asking] }), {});
  });

  test("leaves what its author made as it was", () => {
    const world = {
      object: configMap("default", "a", { data: { a: "1" } }),
      others: [namespace("b")],
      memo: { seen: [1] },
    };
    const listing = defineFunction({
      watches: ConfigMap,
      reads: [Namespace],
      reconcile: (_, cache) => ({ memo: cache.list(Namespace).length }),
    });
    assert.deepEqual(effectsOf(listing, world), { memo: 1 });
    const made = [world.object, world.object.metadata, world.others[0]?.metadata, world.memo, world.memo.seen];
    assert.deepEqual(made.filter(Object.isFrozen), []);
  });

  test("is given the time and the memo of the row", () => {
    const echo = functionOf((_cache, { now, memo }) => ({ memo: { now, memo } }));
    assert.deepEqual(effectsOf(echo, { object: source, now: 7, memo: "m" }), { memo: { now: 7, memo: "m" } });
    assert.deepEqual(effectsOf(echo, { object: source }), { memo: { now: 0, memo: undefined } });
  });

  test("is shown metadata alone where it asks for no more", () => {
    const watching = defineFunction({
      watches: metadataOf(Namespace),
      reads: [metadataOf(ConfigMap)],
      reconcile: (object, cache) => ({ memo: { object, read: cache.list(metadataOf(ConfigMap), {}) } }),
    });
    const { memo } = effectsOf(watching, { object: namespace("team-a", { status: {} }), others: [source] });
    assert.doesNotMatch(JSON.stringify(memo), /"status"|"data"/);
  });
});

interface Refusal {
  readonly what: string;
  readonly definition: DefinedFunction;
  readonly world?: Partial<World>;
  readonly code: string;
}

const refusals: readonly Refusal[] = [
  {
    what: "an object that it does not watch",
    definition: mirror,
    world: { object: configMap("default", "plain") },
    code: "FUNCTION_INVALID",
  },
  {
    what: "a configuration that its schema refuses",
    definition: mirror,
    world: { config: {} },
    code: "CONFIG_INVALID",
  },
  {
    what: "a read that it did not declare",
    definition: functionOf((cache) => ({ memo: cache.list(Namespace, {}).length })),
    code: "FUNCTION_READ_UNDECLARED",
  },
  { what: "the clock", definition: functionOf(() => ({ memo: Date.now() })), code: "FUNCTION_READ_CLOCK" },
  {
    what: "a kind that it did not declare to write",
    definition: functionOf(() => ({ children: [configMap("team-a", "x")] })),
    code: "KIND_NOT_DECLARED",
  },
  {
    what: "a child without a namespace, of a kind that has one in this world",
    definition: functionOf(() => ({ children: [{ ...quota, metadata: { name: "pods" } }] })),
    world: { others: [quota] },
    code: "CHILD_INVALID",
  },
  {
    what: "other effects the second time",
    definition: functionOf(counting()),
    code: "FUNCTION_NOT_DETERMINISTIC",
  },
];

suite("a function on trial is refused, as in the host,", () => {
  test("when it changes a configuration that its schema has frozen at the root", () => {
    const sorting = defineFunction({
      watches: ConfigMap,
      config: z.object({ prefixes: z.array(z.string()) }).readonly(),
      reconcile: (_, _cache, { config }) => ({ memo: config.prefixes.push("c") }),
    });
    const run = (): unknown => effectsOf(sorting, { object: source, config: { prefixes: ["b", "a"] } });
    assert.throws(run, { code: "FUNCTION_MUTATED_INPUT" });
  });

  for (const { what, definition, world, code } of refusals)
    test(what, () => assert.throws(() => effectsOf(definition, { object: source, ...world }), { code }));
});
