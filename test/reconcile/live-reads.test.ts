import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { codeOf } from "../../runtime/kube/errors.ts";
import { ConfigMap, Namespace } from "../../runtime/kube/kind.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import { metadataOf, select, type Query } from "../../runtime/kube/query.ts";
import { LiveReads, type LiveOptions } from "../../runtime/reconcile/live-reads.ts";
import { start, tracingWorld } from "../trace/spans.ts";
import { wish } from "./builders.ts";
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
  return { cluster, read };
}

const one = select(ConfigMap, { namespace: "default", name: "one" });

suite("a live read", () => {
  test("of one object is a get, and one that is not there is an answer", async (context) => {
    const { cluster, read } = rig(context);
    assert.deepEqual(await read(one), []);
    assert.deepEqual(cluster.requests, ["GET /api/v1/namespaces/default/configmaps/one"]);
  });

  test("of metadata asks for metadata alone, and shows no more", async (context) => {
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

  test("of an object that does not match the query's labels finds nothing", async (context) => {
    const { cluster, read } = rig(context);
    await cluster.create(wish("default/one"));
    assert.deepEqual(await read(select(ConfigMap, { ...one.where, labels: { mirror: "true" } })), []);
  });

  const inDefault = { namespace: "default" };
  for (const [what, query] of [
    ["a name with a slash", select(ConfigMap, { ...inDefault, name: "a/b" })],
    ["a name with a percent sign", select(ConfigMap, { ...inDefault, name: "50%" })],
    ["a name of two dots", select(ConfigMap, { ...inDefault, name: ".." })],
    ["half a character", select(ConfigMap, { ...inDefault, name: "x\ud83d" })],
    ["a namespace with a slash", select(ConfigMap, { namespace: "de/fault" })],
    ["a namespaced kind without a namespace", select(ConfigMap, { namespace: "", name: "one" })],
    ["a cluster-scoped kind in a namespace", select(Namespace, { ...inDefault, name: "one" })],
  ] as const)
    test(`of ${what}, which nothing can have, finds nothing and asks nobody`, async (context) => {
      const { cluster, read } = rig(context);
      assert.deepEqual([await read(query), cluster.requests], [[], []]);
    });

  for (const name of ["a,b", "a=b", "a\\b"])
    test(`of ${name} in any namespace asks for that name alone`, async (context) => {
      const { cluster, read } = rig(context);
      await cluster.create(wish("default/one"));
      assert.deepEqual(await read(select(ConfigMap, { name })), []);
      assert.equal(cluster.requests.length, 1);
    });

  test("of a prefix finds what matches it, sorted by key", async (context) => {
    const { cluster, read } = rig(context);
    await cluster.create(wish("default/b-2"), wish("default/b-1"), wish("default/c"));
    const found = await read(select(ConfigMap, { namespace: "default", namePrefix: "b-" }));
    assert.deepEqual(
      found.map(({ metadata }) => metadata.name),
      ["b-1", "b-2"],
    );
  });

  test("is one request for all that ask within a second, also while it is under way", async (context) => {
    const { cluster, read } = rig(context);
    await Promise.all([read(one), read(one), read(one)]);
    await cluster.clock.advance(900);
    await read(one);
    assert.equal(cluster.requests.length, 1);
    await cluster.clock.advance(200);
    await read(one);
    assert.equal(cluster.requests.length, 2);
  });

  test("among many waits its turn: sixteen are under way at the same time", async (context) => {
    const { cluster, read } = rig(context);
    cluster.rule = ({ path }) =>
      path.includes("configmaps") ? { do: "delay", delayMs: 1_000, clock: cluster.clock } : undefined;
    const names = Array.from({ length: 40 }, (_, i) => `n${i}`);
    const all = Promise.all(names.map((name) => read(select(ConfigMap, { namespace: "default", name }))));
    for (const sent of [16, 32, 40]) {
      await cluster.clock.advance(900);
      assert.equal(cluster.requests.length, sent);
      await cluster.clock.advance(100);
    }
    assert.equal((await all).length, 40);
  });

  test("is asked anew by whoever needs a later answer than there is", async (context) => {
    const { cluster, read } = rig(context);
    await cluster.clock.advance(10);
    assert.deepEqual(await read(one, 0), []);
    await cluster.create(wish("default/one"));
    await cluster.clock.advance(1);
    assert.equal((await read(one, 11)).length, 1);
  });

  test("that fails is an error for all that ask, and never an answer", async (context) => {
    const { cluster, read } = rig(context);
    cluster.rule = ({ path }) => (path.includes("configmaps") ? { do: "fail" } : undefined);
    const outcomes = await Promise.allSettled([read(one), read(one)]);
    for (const outcome of outcomes) {
      assert.equal(outcome.status, "rejected");
      assert.equal(codeOf(outcome.reason), "API_UNREACHABLE");
    }
  });
});
