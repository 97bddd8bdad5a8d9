/** What stands between a wish and the cluster, and what is said about it: refusals, names that are taken, objects that linger. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap, kind, Namespace } from "../../runtime/kube/kind.ts";
import type { KubeObject } from "../../runtime/kube/object.ts";
import { defineFunction, status } from "../../runtime/reconcile/define.ts";
import type { Child } from "../../runtime/reconcile/effects.ts";
import type { Fault } from "../support/in-process-transport.ts";
import { configMap, namespace, source } from "./objects.ts";
import { world } from "./world.ts";

const MINUTE = 60_000;

const refusal = (status: number, reason: string, message: string): Fault => ({
  do: "answer",
  status,
  body: { kind: "Status", apiVersion: "v1", status: "Failure", reason, code: status, message },
});

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

test("a status of a kind without that subresource is told", async (context) => {
  const state = defineFunction({
    watches: kind("apps/v1", "Deployment"),
    writes: [status(kind("apps/v1", "Deployment"))],
    reconcile: () => ({ status: { replicas: 7 } }),
  });
  const w = await world(context, { functions: { state } });
  w.rule(({ path }) =>
    path.includes("/status") ? refusal(404, "NotFound", "the server could not find it") : undefined,
  );
  await w.create({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace: "default", name: "web" },
    spec: {
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
    },
  } as KubeObject);
  await w.advance(MINUTE);
  assert.deepEqual(await w.events(), ["WriteRefused on default/web"]);
  assert.match((await w.eventTexts())[0] ?? "", /has its kind no subresource status\?/);
  assert.ok(w.runs.some(({ settled }) => settled.error?.code === "KIND_NOT_SERVED"));
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

test("a replacement whose predecessor has gone meanwhile is made at once", async (context) => {
  const w = await world(context, { objects: [source("default/settings", { immutable: true })] });
  await w.converged();
  let isGone = false;
  w.rule(({ verb, key }) => {
    if (verb !== "delete" || key !== "team-a/settings" || isGone) return undefined;
    isGone = true;
    return refusal(404, "NotFound", "configmaps settings not found");
  });
  await w.delete(ConfigMap, "default/settings");
  await w.create(source("default/settings", { immutable: true, data: { colour: "new" } }));
  await w.advanceUntil(() => isGone);
  await w.advance(1_500);
  assert.deepEqual((await w.get(ConfigMap, "team-a/settings"))?.data, { colour: "new" });
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
