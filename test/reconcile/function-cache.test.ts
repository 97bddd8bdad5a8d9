import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { isContentKnown } from "../../runtime/cache/content.ts";
import { ConfigMap, kind, Namespace } from "../../runtime/kube/kind.ts";
import { formatQuery, metadataOf, select, type Query } from "../../runtime/kube/query.ts";
import { defineFunction, type DefinedFunction } from "../../runtime/reconcile/define.ts";
import { FunctionCache } from "../../runtime/reconcile/function-cache.ts";
import { FUNCTION_LABEL, stamp } from "../../runtime/reconcile/provenance.ts";
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

suite("the cache of one function", () => {
  test("tells which key a change means: a source its own, a child its owner's", async (context) => {
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

  test("knows as children what is proven, of this function and this owner alone", async (context) => {
    const forged = { ...child("default/forged"), metadata: { ...child("default/elsewhere").metadata, name: "forged" } };
    const { cache } = await rig(context, [child("default/mine"), child("default/other", "mirror"), forged]);
    assert.deepEqual(
      cache.childrenOf(owner).map(({ metadata }) => metadata.name),
      ["mine"],
    );
    assert.deepEqual(cache.childrenOf(configMap("default/another")), []);
  });

  test("finds any object that one of its stores holds, and no other", async (context) => {
    const { cache } = await rig(context, [child("default/mine"), wish("default/unrelated")]);
    const find = (name: string): string | undefined =>
      cache.find(ConfigMap, { namespace: "default", name })?.metadata.name;
    assert.deepEqual([find("mine"), find("unrelated")], ["mine", undefined]);
    assert.equal(cache.find(Namespace, { name: "default" })?.metadata.name, "default");
  });

  test("gives its informers back as often as it took them", async (context) => {
    const { cluster, cache } = await rig(context);
    const twin = new FunctionCache("twin", copying, cluster.informers);
    // The sources and the namespaces are shared; each has children of its own.
    assert.equal(cluster.informers.all().length, 4);
    await cache.release();
    assert.equal(cluster.informers.all().length, 3);
    await twin.release();
    assert.equal(cluster.informers.all().length, 0);
  });

  test("of a function that reads what it watches holds one informer, given back once and for all", async (context) => {
    const cluster = new ClusterRig(context);
    const definition = defineFunction({ watches: ConfigMap, reads: [ConfigMap, ConfigMap], reconcile: () => ({}) });
    const cache = new FunctionCache("reading", definition, cluster.informers);
    assert.equal(cache.informers.length, 1);
    await cache.release();
    assert.equal(cluster.informers.all().length, 0);
  });
});

const reconcile = (): object => ({});
const Deployment = kind("apps/v1", "Deployment");
const childrenOf = (of: Parameters<typeof select>[0]): Query => select(of, { labels: { [FUNCTION_LABEL]: "copying" } });

/** What is watched for these, with how much is kept; `default` and the system's namespaces are no matter. */
function held(context: TestContext, ...functions: readonly (readonly [string, DefinedFunction])[]): readonly string[] {
  const { informers } = new ClusterRig(context);
  const caches = functions.map(([name, definition]) => new FunctionCache(name, definition, informers));
  const all = new Set(caches.flatMap((cache) => cache.informers));
  return informers.all().flatMap((informer) => (all.has(informer) ? [formatQuery(informer.query)] : []));
}

suite("what is kept for a function", () => {
  const cleaning = defineFunction({ watches: metadataOf(childrenOf(ConfigMap)), reconcile });
  const CHILDREN = "v1/ConfigMap */* [evenkeel.dev/function=copying] (metadata+digest)";

  test("of its children a digest, where all fields are its own; elsewhere the whole", (context) => {
    const definition = defineFunction({ watches: Namespace, writes: [ConfigMap, Deployment], reconcile });
    assert.deepEqual(held(context, ["copying", definition]), [
      "v1/Namespace */*",
      CHILDREN,
      "apps/v1/Deployment */* [evenkeel.dev/function=copying]",
    ]);
  });

  test("children and their metadata share one watch, in whatever order functions start", (context) => {
    const functions = [["copying", copying] as const, ["cleaning", cleaning] as const];
    for (const order of [functions, functions.toReversed()])
      assert.equal(
        held(context, ...order)
          .filter((query) => query.includes(FUNCTION_LABEL))
          .join("; "),
        CHILDREN,
      );
  });

  test("the metadata of children of other kinds is read from the whole of them", (context) => {
    const definition = defineFunction({ watches: metadataOf(childrenOf(Deployment)), reconcile });
    assert.deepEqual(held(context, ["cleaning", definition]), [
      "apps/v1/Deployment */* [evenkeel.dev/function=copying]",
    ]);
  });

  test("a part of the children, and their bodies, are watched on their own", (context) => {
    const some = select(ConfigMap, { namespace: "a", labels: { [FUNCTION_LABEL]: "copying" } });
    const definition = defineFunction({ watches: metadataOf(some), reads: [childrenOf(ConfigMap)], reconcile });
    assert.deepEqual(held(context, ["reading", definition]), [
      "v1/ConfigMap a/* [evenkeel.dev/function=copying] (metadata)",
      "v1/ConfigMap */* [evenkeel.dev/function=copying]",
    ]);
  });

  test("no body of a child is in memory, and the function is shown metadata", async (context) => {
    const cluster = new ClusterRig(context);
    await cluster.create(child("default/mine"));
    const cache = new FunctionCache("cleaning", cleaning, cluster.informers);
    cluster.informers.start();
    await cluster.clock.advance(10);
    const shown = ["apiVersion", "kind", "metadata"];
    assert.deepEqual(Object.keys(cache.source("default/mine") ?? {}), shown);
    const all = cluster.informers.all().flatMap(({ store }) => store.read({}));
    assert.deepEqual(all.map(Object.keys), [shown]);
    assert.throws(() => cache.answer(childrenOf(ConfigMap)), { code: "FUNCTION_READ_UNDECLARED" });
  });

  test("metadata that is watched is all that is shown, also where the whole is held", async (context) => {
    const cluster = new ClusterRig(context);
    const metadata = { name: "web", namespace: "default", labels: { [FUNCTION_LABEL]: "copying", app: "web" } };
    const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "web:1" }] } };
    const spec = { selector: { matchLabels: { app: "web" } }, template };
    const web = { apiVersion: "apps/v1", kind: "Deployment", metadata, spec };
    await cluster.create(web);
    const definition = defineFunction({ watches: metadataOf(childrenOf(Deployment)), reconcile });
    const cache = new FunctionCache("cleaning", definition, cluster.informers);
    cluster.informers.start();
    await cluster.clock.advance(10);
    assert.deepEqual(Object.keys(cache.source("default/web") ?? {}), ["apiVersion", "kind", "metadata"]);
  });

  test("an object is found where most of it is held", async (context) => {
    const cluster = new ClusterRig(context);
    await cluster.create(child("default/mine"), wish("default/unrelated"));
    const definition = defineFunction({
      watches: metadataOf(Namespace),
      reads: [metadataOf(ConfigMap)],
      writes: [ConfigMap],
      reconcile,
    });
    const cache = new FunctionCache("copying", definition, cluster.informers);
    cluster.informers.start();
    await cluster.clock.advance(10);
    const knows = (name: string): boolean | undefined => {
      const found = cache.find(ConfigMap, { namespace: "default", name });
      return found && isContentKnown(found);
    };
    assert.deepEqual([knows("mine"), knows("unrelated"), knows("absent")], [true, false, undefined]);
  });

  test("its own write is seen when the cache of its children shows it", async (context) => {
    const cluster = new ClusterRig(context);
    const definition = defineFunction({
      watches: metadataOf(Namespace),
      reads: [metadataOf(ConfigMap)],
      writes: [ConfigMap],
      reconcile,
    });
    const cache = new FunctionCache("copying", definition, cluster.informers);
    // The children's watch says nothing for now; the other one shows the child at once.
    let isSilent = true;
    cluster.rule = ({ path }) => (isSilent && path.includes("labelSelector") ? { do: "fail" } : undefined);
    cluster.informers.start();
    await cluster.clock.advance(10);
    await cluster.create(child("default/mine"));
    await cluster.clock.advance(10);
    const name = { namespace: "default", name: "mine" };
    const version = cache.find(ConfigMap, name)?.metadata.resourceVersion ?? "";
    assert.equal(cache.hasSeen(ConfigMap, name, version), false);
    isSilent = false;
    await cluster.clock.advance(60_000);
    assert.equal(cache.hasSeen(ConfigMap, name, version), true);
  });
});
