/** What stands between a wish and the cluster, and what is said about it: refusals, names that are taken, objects that linger. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap, kind, Namespace } from "../../runtime/kube/kind.ts";
import type { KubeObject } from "../../runtime/kube/object.ts";
import { select } from "../../runtime/kube/query.ts";
import { defineFunction, status, type DefinedFunction } from "../../runtime/reconcile/define.ts";
import type { Child } from "../../runtime/reconcile/effects.ts";
import { configMap, namespace, source } from "./objects.ts";
import { refusal } from "./refusal.ts";
import { world } from "./world.ts";

const MINUTE = 60_000;

suite("writes that are refused", () => {
  test("are told in one Event, however many they are and however often they are tried", async (context) => {
    const namespaces = Array.from({ length: 60 }, (_, i) => `team-${i}`);
    const w = await world(context, { namespaces });
    w.rule(({ verb, key, resource }) =>
      verb === "create" && resource === "configmaps" ? refusal(403, "Forbidden", `no ${key}`) : undefined,
    );
    await w.create(source("default/settings"));
    await w.advance(30 * MINUTE);
    assert.deepEqual(await w.events(), ["WriteRefused on default/settings"]);
    assert.match((await w.eventTexts())[0] ?? "", /team-0\/settings.* \(and 59 more\)/);
    const posts = w.requests.filter(({ resource }) => resource === "events").length;
    assert.ok(posts <= 2, `${posts} requests for Events`);
  });

  test("by our own fence are told with the command that draws it anew", async (context) => {
    const w = await world(context, { namespaces: ["team-a"] });
    w.rule(({ verb, key, resource }) =>
      verb === "create" && resource === "configmaps"
        ? refusal(
            403,
            "Forbidden",
            `configmaps "${key}" is forbidden: ValidatingAdmissionPolicy 'evenkeel.configmaps' with binding 'evenkeel.configmaps' denied request: no`,
          )
        : undefined,
    );
    await w.create(source("default/settings"));
    await w.advance(MINUTE);
    assert.deepEqual(await w.events(), ["WriteRefused on default/settings"]);
    assert.match((await w.eventTexts())[0] ?? "", /run `npm run manifests`/);
  });

  test("are tried at once when the source wants something else, and not when it only ticks", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    w.rule(({ verb, key, body }) =>
      verb === "update" && key === "team-a/settings" && body?.includes("bad") === true
        ? refusal(422, "Invalid", "policy: bad is not allowed")
        : undefined,
    );
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { bad: "1" } }));
    await w.advance(30 * MINUTE);
    w.mark();
    for (let tick = 0; tick < 20; tick++) {
      const annotations = { tick: `${tick}` };
      await w.update(ConfigMap, "default/settings", (it) => ({ ...it, metadata: { ...it.metadata, annotations } }));
      await w.advance(100);
    }
    assert.deepEqual(w.writes(), []);
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { good: "1" } }));
    await w.advance(1_000);
    assert.deepEqual((await w.get(ConfigMap, "team-a/settings"))?.data, { good: "1" });
  });

  test("for want of a namespace are told when it is not there a moment later either", async (context) => {
    const into = defineFunction({
      watches: ConfigMap,
      where: { labels: { into: "nowhere" } },
      writes: [ConfigMap],
      reconcile: () => ({
        children: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "nowhere", name: "kid" } }],
      }),
    });
    const w = await world(context, { functions: { into } });
    await w.create(configMap("default/s", { labels: { into: "nowhere" } }));
    await w.advance(1_000);
    assert.deepEqual(await w.events(), []);
    await w.advance(20_000);
    assert.deepEqual(await w.events(), ["WriteRefused on default/s"]);
    assert.match((await w.eventTexts())[0] ?? "", /nowhere/);
    await w.create(namespace("nowhere"));
    await w.advance(5 * MINUTE);
    assert.deepEqual(await w.copies(), ["nowhere/kid"]);
  });
});

const Deployment = kind("apps/v1", "Deployment");
const state = defineFunction({
  watches: Deployment,
  writes: [status(Deployment)],
  reconcile: () => ({ status: { replicas: 7 } }),
});
const web = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { namespace: "default", name: "web" },
  spec: {
    selector: { matchLabels: { a: "b" } },
    template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
  },
} as KubeObject;

test("a status that the server stores in another spelling is sent once more, and once after a restart", async (context) => {
  const w = await world(context, { functions: { state }, objects: [web] });
  w.rule(({ path, body = "" }) =>
    path.includes("/status") ? { do: "alter", body: body.replace('"replicas":7', '"replicas":8') } : undefined,
  );
  await w.converged();
  for (const [boots, expected] of [
    [0, 2],
    [1, 3],
  ] as const) {
    if (boots > 0) await w.restart();
    for (let i = 0; i < 20; i++) {
      const labels = { tick: `${boots}-${i}` };
      await w.update(Deployment, "default/web", (it) => ({ ...it, metadata: { ...it.metadata, labels } }));
      await w.advance(1_000);
    }
    assert.equal(w.writes().length, expected);
  }
});

test("a status of a kind without that subresource is told", async (context) => {
  const w = await world(context, { functions: { state } });
  w.rule(({ path }) =>
    path.includes("/status") ? refusal(404, "NotFound", "the server could not find it") : undefined,
  );
  await w.create(web);
  await w.advance(MINUTE);
  assert.deepEqual(await w.events(), ["WriteRefused on default/web"]);
  assert.match((await w.eventTexts())[0] ?? "", /has its kind no subresource status\?/);
  assert.ok(w.runs.some(({ settled }) => settled.error?.code === "KIND_NOT_SERVED"));
});

test("what a source lacks, a child beside it is written without, once", async (context) => {
  const beside = defineFunction({
    watches: Namespace,
    where: { name: "lonely" },
    writes: [Namespace],
    reconcile: ({ metadata: { name, namespace: none, annotations } }) => ({
      children: [
        { apiVersion: "v1", kind: "Namespace", metadata: { name: `${name}-twin`, namespace: none, annotations } },
      ],
    }),
  });
  const w = await world(context, { functions: { beside } });
  await w.create(namespace("lonely"));
  await w.advance(MINUTE);
  const twin = await w.get(Namespace, "lonely-twin");
  assert.ok(twin !== undefined);
  assert.ok(!("namespace" in twin.metadata));
  w.mark();
  await w.update(Namespace, "lonely", (it) => ({ ...it, metadata: { ...it.metadata, labels: { a: "b" } } }));
  await w.advance(MINUTE);
  assert.deepEqual(w.writes(), []);
});

test("a function whose children are its sources as well makes none of theirs, and it is told", async (context) => {
  const backup = defineFunction({
    watches: ConfigMap,
    where: { namespace: "default" },
    writes: [ConfigMap],
    reconcile: ({ metadata: { name } }) => ({ children: [configMap(`default/${name}-backup`)] }),
  });
  const w = await world(context, { functions: { backup } });
  await w.create(configMap("default/pot"));
  await w.advance(MINUTE);
  assert.deepEqual(
    (await w.copies()).filter((key) => key.includes("pot")),
    ["default/pot-backup"],
  );
  assert.ok((await w.events()).includes("ReconcileFailed on default/pot-backup"));
  w.mark();
  await w.advance(30 * MINUTE);
  assert.equal(w.runs.length, 0, "nothing to be had by trying again");
});

test("a function that counts down to nothing does not run as fast as it can", async (context) => {
  const spin = defineFunction({
    watches: ConfigMap,
    where: { labels: { spin: "true" } },
    reconcile: () => ({ requeueAfterMs: 0 }),
  });
  const w = await world(context, { functions: { spin } });
  await w.create(configMap("default/s", { labels: { spin: "true" } }));
  await w.advance(10_000);
  assert.ok(w.runs.length >= 9 && w.runs.length <= 12, `${w.runs.length} runs in 10 s`);
});

test("a namespace that is made anew again and again gets its copy each time", async (context) => {
  const w = await world(context, { objects: [source("default/settings")] });
  await w.converged();
  for (let time = 1; time <= 15; time++) {
    await w.create(namespace("team-ci"));
    await w.advance(5_000);
    assert.ok((await w.get(ConfigMap, "team-ci/settings")) !== undefined, `the ${time}th time`);
    await w.delete(Namespace, "team-ci");
    await w.advance(20_000);
  }
  assert.deepEqual(await w.events(), []);
});

/** Wants one and the same child for each ConfigMap with this label. */
const wanting = (label: string): DefinedFunction =>
  defineFunction({
    watches: ConfigMap,
    where: { labels: { [label]: "true" } },
    writes: [ConfigMap],
    reconcile: () => ({ children: [configMap("team-a/limits")] }),
  });

test("a name that another function has taken is told with whose it is, and nobody is told to delete it", async (context) => {
  const w = await world(context, { functions: { quota: wanting("quota"), rival: wanting("rival") } });
  await w.create(configMap("default/first", { labels: { quota: "true" } }));
  await w.converged();
  await w.create(configMap("default/second", { labels: { rival: "true" } }));
  await w.advance(MINUTE);
  assert.deepEqual(await w.events(), ["NotOurs on default/second"]);
  const [text] = await w.eventTexts();
  assert.match(text ?? "", /v1\/ConfigMap team-a\/limits was made by quota for ConfigMap default\/first and is left/);
});

const withoutMarks = (map: Readonly<Record<string, string>> = {}): object =>
  Object.fromEntries(Object.entries(map).filter(([key]) => !key.startsWith("evenkeel.dev/")));

test("a label and an annotation that are wished for no more go, and those of others stay", async (context) => {
  const badge = defineFunction({
    watches: ConfigMap,
    where: { labels: { badge: "true" } },
    writes: [ConfigMap],
    reconcile: ({ data = {} }) => ({
      children: [configMap("team-a/kid", data["set"] === undefined ? {} : { labels: data, annotations: data })],
    }),
  });
  const labels = { badge: "true" };
  const w = await world(context, {
    functions: { badge },
    objects: [configMap("default/s", { labels, data: { set: "1", more: "2" } })],
  });
  await w.converged();
  await w.update(ConfigMap, "team-a/kid", ({ metadata, ...it }) => ({
    ...it,
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, theirs: "3" },
      annotations: { ...metadata.annotations, theirs: "3" },
    },
  }));
  await w.converged();
  w.mark();
  for (const data of [{ set: "1" }, {}]) {
    await w.update(ConfigMap, "default/s", (it) => ({ ...it, data }));
    await w.converged();
    const { metadata } = (await w.get(ConfigMap, "team-a/kid")) ?? assert.fail("it is gone");
    for (const map of [metadata.labels, metadata.annotations])
      assert.deepEqual(withoutMarks(map), { ...data, theirs: "3" });
  }
  assert.deepEqual(w.writes(), ["update team-a/kid", "update team-a/kid"]);
});

test("nobody is told to delete a copy that goes from one source to another", async (context) => {
  const w = await world(context, { objects: [source("default/settings")] });
  await w.converged();
  await w.advance(5_000);
  await w.create(source("other/settings", { data: { from: "other" } }));
  await w.converged();
  await w.delete(ConfigMap, "default/settings");
  await w.converged();
  assert.deepEqual((await w.get(ConfigMap, "team-a/settings"))?.data, { from: "other" });
  assert.ok((await w.eventTexts()).every((text) => !/not ours/.test(text)));
});

suite("a key waits for the cache to show what it wrote, and no longer:", () => {
  const spread = defineFunction({
    watches: ConfigMap,
    where: { labels: { spread: "true" } },
    writes: [ConfigMap],
    reconcile: ({ data = {} }) => ({ children: childrenOf(data) }),
  });

  test("a deleted child that a finalizer holds", async (context) => {
    const labels = { spread: "true" };
    const w = await world(context, {
      functions: { spread },
      objects: [configMap("default/s", { labels, data: { "team-a": "1", "team-b": "1" } })],
    });
    await w.converged();
    const finalizers = ["example.com/keep"];
    await w.update(ConfigMap, "team-a/kid", (it) => ({ ...it, metadata: { ...it.metadata, finalizers } }));
    await w.converged();
    await w.update(ConfigMap, "default/s", (it) => ({ ...it, data: { "team-b": "1" } }));
    await w.advance(1_000);
    assert.ok((await w.get(ConfigMap, "team-a/kid"))?.metadata.deletionTimestamp !== undefined);
    await w.update(ConfigMap, "default/s", (it) => ({ ...it, data: { "team-b": "2" } }));
    await w.advance(500);
    assert.deepEqual((await w.get(ConfigMap, "team-b/kid"))?.data, { text: "2" });
  });

  test("a child that was let go, where the function reads the whole kind", async (context) => {
    const release = defineFunction({
      watches: ConfigMap,
      where: { labels: { spread: "true" } },
      reads: [ConfigMap],
      writes: [ConfigMap],
      reconcile({ data = {} }, cache) {
        const kids = cache.list(ConfigMap, { labels: { "evenkeel.dev/function": "release" } });
        return data["go"] === undefined ? { children: childrenOf(data) } : { releases: kids };
      },
    });
    const w = await world(context, {
      functions: { release },
      objects: [configMap("default/s", { labels: { spread: "true" }, data: { "team-a": "1" } })],
    });
    await w.converged();
    await w.update(ConfigMap, "default/s", (it) => ({ ...it, data: { go: "yes" } }));
    await w.advance(2_000);
    assert.deepEqual(await w.copies(), []);
    await w.update(ConfigMap, "default/s", (it) => ({ ...it, data: { "team-b": "2" } }));
    await w.advance(500);
    assert.deepEqual(await w.copies(), ["team-b/kid"]);
  });
});

/** A child `kid` in each namespace that is a key of `data`. */
function childrenOf(data: Readonly<Record<string, string>>): readonly Child<ConfigMap>[] {
  return Object.entries(data).map(([target, text]) => configMap(`${target}/kid`, { data: { text } }));
}

test("a child that follows what its function reads is written as often as that changes", async (context) => {
  const roster = defineFunction({
    watches: Namespace,
    where: { name: "team-a" },
    reads: [Namespace],
    writes: [ConfigMap],
    reconcile: ({ metadata: { name } }, cache) => {
      const members = cache.list(Namespace, { namePrefix: "member-" }).map(({ metadata }) => metadata.name);
      const metadata = { name: "roster", namespace: name };
      return { children: [{ apiVersion: "v1", kind: "ConfigMap", metadata, data: { members: members.join() } }] };
    },
  });
  const w = await world(context, { functions: { roster }, namespaces: ["team-a"] });
  await w.converged();
  for (let i = 0; i < 30; i++) {
    await w.create(namespace(`member-${i}`));
    await w.advance(1_000);
    const { members = "" } = (await w.get(ConfigMap, "team-a/roster"))?.data ?? {};
    assert.equal(members.split(",").length, i + 1);
  }
  assert.deepEqual(await w.events(), []);
});

test("a label of a child is written as often as its source changes it", async (context) => {
  const follow = defineFunction({
    watches: ConfigMap,
    where: { labels: { spread: "true" } },
    writes: [ConfigMap],
    reconcile: ({ data }) => ({ children: [configMap("team-a/kid", { labels: { tick: data?.["tick"] ?? "none" } })] }),
  });
  const ticking = configMap("default/s", { labels: { spread: "true" } });
  const w = await world(context, { functions: { follow }, namespaces: ["team-a"], objects: [ticking] });
  await w.converged();
  for (let i = 0; i < 15; i++) {
    await w.update(ConfigMap, "default/s", (it) => ({ ...it, data: { tick: `${i}` } }));
    await w.advance(1_000);
    assert.equal((await w.get(ConfigMap, "team-a/kid"))?.metadata.labels?.["tick"], `${i}`);
  }
  assert.deepEqual(await w.events(), []);
});

test("an object that its own function deletes, and that lingers, is seen leaving", async (context) => {
  const made = { labels: { "evenkeel.dev/function": "spread" } };
  const spread = defineFunction({
    watches: ConfigMap,
    where: { labels: { spread: "true" } },
    writes: [ConfigMap],
    reconcile: ({ data = {} }) => ({ children: data["go"] === undefined ? childrenOf(data) : undefined }),
  });
  /** Each kid has a kid of its own, and deletes itself when it says so. */
  const tidy = defineFunction({
    watches: select(ConfigMap, made),
    writes: [ConfigMap],
    reconcile(kid) {
      if (kid.metadata.deletionTimestamp !== undefined) return { children: [] };
      const isDone = kid.metadata.annotations?.["done"] !== undefined;
      return { children: [configMap("team-a/grandkid")], deletions: isDone ? [kid] : [] };
    },
  });
  const w = await world(context, {
    functions: { spread, tidy },
    namespaces: ["team-a"],
    objects: [configMap("default/s", { labels: { spread: "true" }, data: { "team-a": "1" } })],
  });
  await w.converged();
  assert.deepEqual(await w.copies(), ["team-a/grandkid", "team-a/kid"]);
  await w.update(ConfigMap, "default/s", (it) => ({ ...it, data: { go: "yes" } }));
  await w.update(ConfigMap, "team-a/kid", ({ metadata, ...kid }) => ({
    ...kid,
    metadata: { ...metadata, finalizers: ["example.com/held"], annotations: { ...metadata.annotations, done: "yes" } },
  }));
  await w.advance(10_000);
  assert.deepEqual(await w.copies(), ["team-a/kid"]);
});
