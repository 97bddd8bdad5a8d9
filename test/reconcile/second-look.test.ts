import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import type { CacheReader } from "../../runtime/cache/reader.ts";
import { codeOf } from "../../runtime/kube/errors.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import { metadataOf, select, type Query } from "../../runtime/kube/query.ts";
import { defineFunction } from "../../runtime/reconcile/define.ts";
import { InlineCell } from "../../runtime/reconcile/cell/inline-cell.ts";
import { runFunction } from "../../runtime/reconcile/run.ts";
import { LiveReads, secondLook, type LiveOptions, type SecondLook } from "../../runtime/reconcile/second-look.ts";
import { start, tracingWorld } from "../trace/spans.ts";
import { answerOf, configMap, runnable, wish } from "./builders.ts";
import { ClusterRig } from "./cluster-rig.ts";

const options = (): LiveOptions => ({
  signal: new AbortController().signal,
  span: tracingWorld().tracer.start(start).secondLook(),
});

function rig(context: TestContext) {
  const cluster = new ClusterRig(context);
  const live = new LiveReads({ api: cluster.api, clock: cluster.clock });
  const read = (query: Query, notBeforeMs = 0): Promise<readonly StoredObject[]> =>
    live.read(query, notBeforeMs, options());
  return { cluster, live, read };
}

const one = select(ConfigMap, { namespace: "default", name: "one" });

void suite("a live read", () => {
  void test("of one object is a get, and one that is not there is an answer", async (context) => {
    const { cluster, read } = rig(context);
    assert.deepEqual(await read(one), []);
    assert.deepEqual(cluster.requests, ["GET /api/v1/namespaces/default/configmaps/one"]);
  });

  void test("of metadata asks for metadata alone, and shows no more", async (context) => {
    const { cluster, read } = rig(context);
    const accepts: (string | undefined)[] = [];
    cluster.rule = ({ path, headers }) => void (path.includes("configmaps") && accepts.push(headers["accept"]));
    await cluster.create(wish("default/one"));
    for (const query of [one, select(ConfigMap, { namespace: "default" })]) {
      const [found] = await read(metadataOf(query));
      assert.deepEqual(Object.keys(found ?? {}), ["apiVersion", "kind", "metadata"]);
      assert.equal(found?.kind, "ConfigMap");
      const [whole] = await read(query);
      assert.deepEqual(Object.keys(whole ?? {}).toSorted(), ["apiVersion", "data", "kind", "metadata"]);
    }
    const isPartial = accepts.map((accept) => accept?.includes("PartialObjectMetadata"));
    assert.deepEqual(isPartial, [true, false, true, false]);
  });

  void test("of an object that does not match the query's labels finds nothing", async (context) => {
    const { cluster, read } = rig(context);
    await cluster.create(wish("default/one"));
    assert.deepEqual(await read(select(ConfigMap, { ...one.where, labels: { mirror: "true" } })), []);
  });

  void test("of a prefix finds what matches it, sorted by key", async (context) => {
    const { cluster, read } = rig(context);
    await cluster.create(wish("default/b-2"), wish("default/b-1"), wish("default/c"));
    const found = await read(select(ConfigMap, { namespace: "default", namePrefix: "b-" }));
    assert.deepEqual(
      found.map(({ metadata }) => metadata.name),
      ["b-1", "b-2"],
    );
  });

  void test("is one request for all that ask within a second, also while it is under way", async (context) => {
    const { cluster, read } = rig(context);
    await Promise.all([read(one), read(one), read(one)]);
    await cluster.clock.advance(900);
    await read(one);
    assert.equal(cluster.requests.length, 1);
    await cluster.clock.advance(200);
    await read(one);
    assert.equal(cluster.requests.length, 2);
  });

  void test("is asked anew by whoever needs a later answer than there is", async (context) => {
    const { cluster, read } = rig(context);
    await cluster.clock.advance(10);
    assert.deepEqual(await read(one, 0), []);
    await cluster.create(wish("default/one"));
    await cluster.clock.advance(1);
    assert.equal((await read(one, 11)).length, 1);
  });

  void test("that fails is an error for all that ask, and never an answer", async (context) => {
    const { cluster, read } = rig(context);
    cluster.rule = ({ path }) => (path.includes("configmaps") ? { do: "fail" } : undefined);
    const outcomes = await Promise.allSettled([read(one), read(one)]);
    for (const outcome of outcomes) {
      assert.equal(outcome.status, "rejected");
      assert.equal(codeOf(outcome.reason), "API_UNREACHABLE");
    }
  });
});

/** What the function returns as memo, seen a second time; `cached` is what the first run saw. */
async function look(
  context: TestContext,
  reconcile: (object: StoredObject, cache: CacheReader) => unknown,
  {
    cached = [],
    ...more
  }: Partial<SecondLook> & { readonly cached?: readonly StoredObject[]; readonly live?: never } = {},
  present: readonly ReturnType<typeof wish>[] = [],
): Promise<unknown> {
  const { cluster, live } = rig(context);
  await cluster.create(...present);
  const definition = defineFunction({
    watches: ConfigMap,
    reads: [ConfigMap],
    reconcile: (object, cache) => ({ memo: reconcile(object, cache) }),
  });
  const inputs = { object: configMap("default/source"), now: 0, memo: undefined };
  const run = await secondLook({
    cell: new InlineCell("looking", definition),
    isNamespaced: () => undefined,
    job: { ...inputs, config: undefined, isVerifying: false },
    first: runFunction(runnable("looking", definition), { ...inputs, answer: answerOf(cached) }),
    source: undefined,
    declared: [select(ConfigMap)],
    notBeforeMs: 0,
    live,
    options: options(),
    ...more,
  });
  return run === undefined ? "gone" : (run.effects?.memo ?? run.error);
}

const names = (cache: CacheReader): readonly string[] =>
  cache.list(ConfigMap, { namespace: "default" }).map(({ metadata }) => metadata.name);

const fieldCounts = (_: StoredObject, cache: CacheReader): unknown =>
  cache.list(metadataOf(ConfigMap), { namespace: "default" }).map((found) => Object.keys(found).length);

/** Follows `data.next` from `a` to the end. */
const chain = (_: StoredObject, cache: CacheReader): string => {
  let name = "a";
  for (let next = name; next !== "";) {
    name = next;
    next = cache.get(ConfigMap, { namespace: "default", name })?.data?.["next"] ?? "";
  }
  return name;
};

void suite("a second look", () => {
  void test("sees the cluster, not the cache", async (context) => {
    const cached = [configMap("default/stale")];
    assert.deepEqual(await look(context, (_, cache) => names(cache), { cached }, [wish("default/live")]), ["live"]);
  });

  void test("shows no more than the function declared", async (context) => {
    const declared = [select(ConfigMap, { namespace: "kube-system" })];
    assert.deepEqual(await look(context, (_, cache) => names(cache), { declared }, [wish("default/live")]), []);
  });

  void test("shows no whole objects of what was declared in part", async (context) => {
    const declared = [metadataOf(ConfigMap)];
    const live = [wish("default/live")];
    assert.deepEqual(await look(context, (_, cache) => names(cache), { declared }, live), []);
    assert.deepEqual(await look(context, fieldCounts, { declared }, live), [3]);
  });

  void test("answers reads that the first run did not make", async (context) => {
    const present = [wish("default/a", { data: { next: "b" } }), wish("default/b", { data: { next: "c" } })];
    assert.equal(await look(context, chain, {}, present), "c");
  });

  void test("that asks for something else at each turn is not believed", async (context) => {
    let turn = 0;
    const restless = (_: StoredObject, cache: CacheReader): unknown =>
      cache.get(ConfigMap, { namespace: "default", name: `turn-${turn++}` });
    assert.ok((await look(context, restless, {}, [wish("default/turn-0")])) instanceof Error);
  });

  for (const { name, cached, present, runCount } of [
    { name: "runs nothing where all that was read is absent, here and there", runCount: 1 },
    { name: "runs again where what was absent is there", present: [wish("default/one")], runCount: 2 },
    { name: "runs again where what was there is absent", cached: [configMap("default/one")], runCount: 2 },
    {
      name: "runs again where what was read is there",
      cached: [configMap("default/one")],
      present: [wish("default/one")],
      runCount: 2,
    },
  ])
    void test(name, async (context) => {
      let runs = 0;
      const counted = (_: StoredObject, cache: CacheReader): unknown => {
        runs++;
        return cache.get(ConfigMap, { namespace: "default", name: "one" })?.metadata.name;
      };
      const seen = await look(context, counted, cached === undefined ? {} : { cached }, present);
      assert.deepEqual([seen, runs], [present?.[0]?.metadata.name, runCount]);
    });

  void test("finds a source that is gone", async (context) => {
    const source = select(ConfigMap, { namespace: "default", name: "source" });
    assert.equal(await look(context, () => "there", { source }), "gone");
  });

  void test("takes a source of the same name and another uid for gone", async (context) => {
    const source = select(ConfigMap, { namespace: "default", name: "source" });
    assert.equal(await look(context, () => "there", { source }, [wish("default/source")]), "gone");
  });

  void test("gives the function the source as it is, where nobody guards its version", async (context) => {
    assert.equal(await look(context, ({ metadata }) => metadata.name), "source");
  });
});
