import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import type { CacheReader } from "../../runtime/cache/reader.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import { metadataOf, select, type Query } from "../../runtime/kube/query.ts";
import { defineFunction } from "../../runtime/reconcile/define.ts";
import { InlineCell } from "../support/inline-cell.ts";
import type { Answer } from "../../runtime/reconcile/cell/cell.ts";
import { runInRounds } from "../../runtime/reconcile/cell/rounds.ts";
import { KeyRecord } from "../../runtime/reconcile/key-record.ts";
import { LiveReads } from "../../runtime/reconcile/live-reads.ts";
import { SecondLook } from "../../runtime/reconcile/second-look.ts";
import { start, tracingWorld } from "../trace/spans.ts";
import { answerOf, configMap, wish } from "./builders.ts";
import { ClusterRig } from "./cluster-rig.ts";

interface Options {
  /** What is reconciled, as the cache has it. */
  readonly object?: StoredObject;
  readonly watches?: Query;
  readonly cached?: readonly StoredObject[];
  readonly departed?: readonly StoredObject[];
  /** What is gone at the second look. @default departed */
  readonly departedLater?: readonly StoredObject[];
  readonly declared?: readonly Query[];
  readonly source?: Query;
}

const isNamespaced = (): undefined => undefined;

/** What the function returns as memo, seen a second time; `cached` is what the first run saw. */
async function look(
  context: TestContext,
  reconcile: (object: StoredObject, cache: CacheReader) => unknown,
  {
    object = configMap("default/source"),
    watches = select(ConfigMap),
    cached = [],
    departed = [],
    departedLater = departed,
    declared = [select(ConfigMap)],
    source,
  }: Options = {},
  present: readonly ReturnType<typeof wish>[] = [],
  cluster = new ClusterRig(context),
): Promise<unknown> {
  const { api, clock } = cluster;
  await cluster.create(...present);
  const definition = defineFunction({
    watches,
    reads: [ConfigMap],
    reconcile: (object, cache) => ({ memo: reconcile(object, cache) }),
  });
  const inputs = { object, now: 0, memo: undefined };
  const cell = new InlineCell("looking", definition);
  const job = { ...inputs, config: undefined, isVerifying: false };
  const answer = (queries: readonly Query[]): readonly Answer[] =>
    queries.map((query) => ({ objects: answerOf(cached, departed)(query) }));
  const { run: before } = await runInRounds({ cell, job, foreseen: [], answer, isNamespaced });
  const secondLook = new SecondLook({
    cell,
    isNamespaced,
    cache: { declared, answer: answerOf(cached, departedLater), observed: () => assert.fail("nothing is planned") },
    live: new LiveReads({ api, clock }),
    clock,
    signal: new AbortController().signal,
    hold: { doubted: () => assert.fail("nothing is planned") },
  });
  const run = await secondLook.runAgain(
    {
      job,
      run: before,
      record: new KeyRecord(clock),
    },
    { source, span: tracingWorld().tracer.start(start).secondLook() },
  );
  return run === undefined ? "gone" : (run.effects?.memo ?? run.error);
}

const gone = configMap("default/one", { resourceVersion: "7" });

const names = (cache: CacheReader): readonly string[] =>
  cache.list(ConfigMap, { namespace: "default" }).map(({ metadata }) => metadata.name);

const fieldCounts = (_: StoredObject, cache: CacheReader): unknown =>
  cache.list(metadataOf(ConfigMap), { namespace: "default" }).map((found) => Object.keys(found).length);

const lastOfOne = (_: StoredObject, cache: CacheReader): unknown => [
  cache.get(ConfigMap, { namespace: "default", name: "one" })?.metadata.name,
  cache.departed(ConfigMap, { namespace: "default", name: "one" })?.metadata.resourceVersion,
];

/** Follows `data.next` from `a` to the end. */
const chain = (_: StoredObject, cache: CacheReader): string => {
  let name = "a";
  for (let next = name; next !== "";) {
    name = next;
    next = cache.get(ConfigMap, { namespace: "default", name })?.data?.["next"] ?? "";
  }
  return name;
};

suite("a second look", () => {
  test("sees the cluster, not the cache", async (context) => {
    const cached = [configMap("default/stale")];
    assert.deepEqual(await look(context, (_, cache) => names(cache), { cached }, [wish("default/live")]), ["live"]);
  });

  test("shows no more than the function declared", async (context) => {
    const declared = [select(ConfigMap, { namespace: "kube-system" })];
    assert.deepEqual(await look(context, (_, cache) => names(cache), { declared }, [wish("default/live")]), []);
  });

  test("shows no whole objects of what was declared in part", async (context) => {
    const declared = [metadataOf(ConfigMap)];
    const live = [wish("default/live")];
    assert.deepEqual(await look(context, (_, cache) => names(cache), { declared }, live), []);
    assert.deepEqual(await look(context, fieldCounts, { declared }, live), [3]);
  });

  test("answers reads that the first run did not make", async (context) => {
    const present = [wish("default/a", { data: { next: "b" } }), wish("default/b", { data: { next: "c" } })];
    assert.equal(await look(context, chain, {}, present), "c");
  });

  test("that asks for something else at each turn is not believed", async (context) => {
    let turn = 0;
    const restless = (_: StoredObject, cache: CacheReader): unknown =>
      cache.get(ConfigMap, { namespace: "default", name: `turn-${turn++}` });
    assert.ok((await look(context, restless, {}, [wish("default/turn-0")])) instanceof Error);
  });

  for (const { name, cached, departed, departedLater, present, runCount } of [
    { name: "runs nothing where all that was read is absent, here and there", runCount: 1 },
    { name: "runs nothing where what was gone is gone as it was", departed: [gone], runCount: 1 },
    {
      name: "runs again where what was gone has been there again",
      departed: [gone],
      departedLater: [configMap("default/one", { resourceVersion: "9" })],
      runCount: 2,
    },
    { name: "runs again where what was gone is forgotten", departed: [gone], departedLater: [], runCount: 2 },
    { name: "runs again where what was absent is there", present: [wish("default/one")], runCount: 2 },
    { name: "runs again where what was there is absent", cached: [configMap("default/one")], runCount: 2 },
    {
      name: "runs again where what was read is there",
      cached: [configMap("default/one")],
      present: [wish("default/one")],
      runCount: 2,
    },
  ])
    test(name, async (context) => {
      let runs = 0;
      const counted = (_: StoredObject, cache: CacheReader): unknown => {
        runs++;
        cache.departed(ConfigMap, { namespace: "default", name: "one" });
        return cache.get(ConfigMap, { namespace: "default", name: "one" })?.metadata.name;
      };
      const options = {
        ...(cached && { cached }),
        ...(departed && { departed }),
        ...(departedLater && { departedLater }),
      };
      const seen = await look(context, counted, options, present);
      // Of the first run there are two rounds.
      assert.deepEqual([seen, runs - 1], [present?.[0]?.metadata.name, runCount]);
    });

  test("believes the cache of what is gone, and of nothing else", async (context) => {
    assert.deepEqual(await look(context, lastOfOne, { departed: [gone] }), [undefined, "7"]);
  });

  test("finds a source that is gone", async (context) => {
    const source = select(ConfigMap, { namespace: "default", name: "source" });
    assert.equal(await look(context, () => "there", { source }), "gone");
  });

  test("takes a source of the same name and another uid for gone", async (context) => {
    const source = select(ConfigMap, { namespace: "default", name: "source" });
    assert.equal(await look(context, () => "there", { source }, [wish("default/source")]), "gone");
  });

  for (const [labels, seen] of [
    [{ on: "true" }, "source"],
    [{}, "gone"],
  ] as const)
    test(`finds a source that its function watches, and takes one without its label for ${seen}`, async (context) => {
      const cluster = new ClusterRig(context);
      const named = { namespace: "default", name: "source" };
      await cluster.create({ ...wish("default/source"), metadata: { ...named, labels } });
      const live = await cluster.api.get(ConfigMap, named);
      const object = { ...live, metadata: { ...live.metadata, labels: { on: "true" } } };
      const options = {
        object,
        watches: select(ConfigMap, { labels: { on: "true" } }),
        source: select(ConfigMap, named),
      };
      assert.equal(await look(context, ({ metadata }) => metadata.name, options, [], cluster), seen);
    });

  test("gives the function the source as it is, where nobody guards its version", async (context) => {
    assert.equal(await look(context, ({ metadata }) => metadata.name), "source");
  });
});
