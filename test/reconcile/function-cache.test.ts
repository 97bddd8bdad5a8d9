import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { ConfigMap, Namespace } from "../../runtime/kube/kind.ts";
import { select } from "../../runtime/kube/query.ts";
import { defineFunction } from "../../runtime/reconcile/define.ts";
import { FunctionCache } from "../../runtime/reconcile/function-cache.ts";
import { stamp } from "../../runtime/reconcile/provenance.ts";
import { configMap, wish } from "./builders.ts";
import { ClusterRig } from "./cluster-rig.ts";

const copying = defineFunction({
  watches: select(ConfigMap, { labels: { mirror: "true" } }),
  reads: [Namespace],
  writes: [ConfigMap],
  reconcile: () => ({}),
});

const owner = configMap("default/settings");
const child = (key: string, functionName = "copying"): ReturnType<typeof wish> => stamp(wish(key), functionName, owner);

async function rig(context: TestContext, objects: readonly ReturnType<typeof wish>[] = []) {
  const cluster = new ClusterRig(context);
  await cluster.create(...objects);
  const cache = new FunctionCache("copying", copying, cluster.informers);
  const told: string[] = [];
  cache.onChange(({ key, before, after }, { source, owners }) => {
    const what = before === undefined ? "added" : after === undefined ? "deleted" : "modified";
    if (!key.startsWith("kube") && key !== "default")
      told.push(`${what} ${key} source=${source} owners=${owners.join()}`);
  });
  cluster.informers.start();
  await cluster.clock.advance(10);
  assert.ok(cache.hasSynced);
  return { cluster, cache, told };
}

void suite("the cache of one function", () => {
  void test("tells which key a change means: a source its own, a child its owner's", async (context) => {
    const { cluster, told } = await rig(context);
    await cluster.create({
      ...wish("default/settings"),
      metadata: { ...wish("default/settings").metadata, labels: { mirror: "true" } },
    });
    await cluster.create(child("kube-public/settings"), child("default/copy"));
    await cluster.delete("default/copy");
    await cluster.clock.advance(10);
    assert.deepEqual(told, [
      "added default/settings source=default/settings owners=",
      "added default/copy source=undefined owners=default/settings",
      "deleted default/copy source=undefined owners=default/settings",
    ]);
  });

  void test("knows as children what is proven, of this function and this owner alone", async (context) => {
    const forged = { ...child("default/forged"), metadata: { ...child("default/elsewhere").metadata, name: "forged" } };
    const { cache } = await rig(context, [child("default/mine"), child("default/other", "mirror"), forged]);
    assert.deepEqual(
      cache.childrenOf(owner).map(({ metadata }) => metadata.name),
      ["mine"],
    );
    assert.deepEqual(cache.childrenOf(configMap("default/another")), []);
  });

  void test("finds any object that one of its stores holds, and no other", async (context) => {
    const { cache } = await rig(context, [child("default/mine"), wish("default/unrelated")]);
    const find = (name: string): string | undefined =>
      cache.find(ConfigMap, { namespace: "default", name })?.metadata.name;
    assert.deepEqual([find("mine"), find("unrelated")], ["mine", undefined]);
    assert.equal(cache.find(Namespace, { name: "default" })?.metadata.name, "default");
  });

  void test("gives its informers back as often as it took them", async (context) => {
    const { cluster, cache } = await rig(context);
    const twin = new FunctionCache("twin", copying, cluster.informers);
    // The sources and the namespaces are shared; each has children of its own.
    assert.equal(cluster.informers.all().length, 4);
    await cache.release();
    assert.equal(cluster.informers.all().length, 3);
    await twin.release();
    assert.equal(cluster.informers.all().length, 0);
  });

  void test("of a function that reads what it watches holds one informer, given back once and for all", async (context) => {
    const cluster = new ClusterRig(context);
    const definition = defineFunction({ watches: ConfigMap, reads: [ConfigMap, ConfigMap], reconcile: () => ({}) });
    const cache = new FunctionCache("reading", definition, cluster.informers);
    assert.equal(cache.informers.length, 1);
    await cache.release();
    assert.equal(cluster.informers.all().length, 0);
  });
});
