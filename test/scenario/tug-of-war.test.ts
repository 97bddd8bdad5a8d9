/** Whoever else writes to the same objects, and a function that never has what it wants: a breaker, and no loop. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap, kind, type Kind } from "../../runtime/kube/kind.ts";
import type { KubeObject, StoredObject } from "../../runtime/kube/object.ts";
import { defineFunction, fields, scale, status, type DefinedFunction } from "../../runtime/reconcile/define.ts";
import type { Effects } from "../../runtime/reconcile/effects.ts";
import { configMap, deployment, source } from "./objects.ts";
import { isWrite } from "./recorder.ts";
import { world } from "./world.ts";

const MINUTE = 60_000;

suite("another actor that writes everything back", () => {
  test("trips a breaker for its object alone; others go on, and a new wish is tried", async (context) => {
    const w = await world(context, { objects: [source("default/settings"), source("default/more")] });
    await w.converged();
    w.mark();
    for (let i = 0; i < 60; i++) {
      await w.update(ConfigMap, "team-a/settings", (it) => ({ ...it, data: { theirs: `${i}` } }));
      await w.advance(1_000);
    }
    const fought = w.writes().filter((write) => write === "update team-a/settings").length;
    assert.ok(fought >= 5 && fought <= 12, `${fought} writes`);
    assert.deepEqual(await w.events(), ["NotConverging on default/settings"]);
    assert.equal(await w.metric('evenkeel_blocked{controller="mirror",reason="not_converging"}'), 1);
    w.mark();
    await w.delete(ConfigMap, "team-b/settings");
    await w.delete(ConfigMap, "team-a/more");
    await w.advance(5_000);
    assert.deepEqual(w.writes().toSorted(), ["create team-a/more", "create team-b/settings"]);
    w.mark();
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "2" } }));
    await w.advance(5_000);
    assert.deepEqual((await w.get(ConfigMap, "team-a/settings"))?.data, { a: "2" });
  });

  test("and then deletes it sees it created anew, though nobody writes into it any more", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    for (let i = 0; i < 30; i++) {
      await w.update(ConfigMap, "team-a/settings", (it) => ({ ...it, data: { theirs: `${i}` } }));
      await w.advance(1_000);
    }
    w.mark();
    await w.delete(ConfigMap, "team-a/settings");
    await w.advance(1_000);
    assert.deepEqual((await w.get(ConfigMap, "team-a/settings"))?.data, { a: "1" });
    assert.deepEqual(w.writes(), ["create team-a/settings"]);
  });

  test("by deleting it trips the breaker as well", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    w.mark();
    for (let i = 0; i < 60; i++) {
      if ((await w.get(ConfigMap, "team-a/settings")) !== undefined) await w.delete(ConfigMap, "team-a/settings");
      await w.advance(1_000);
    }
    assert.ok(w.writes().length >= 5 && w.writes().length <= 12, `${w.writes().length} writes`);
    assert.deepEqual(await w.events(), ["NotConverging on default/settings"]);
  });

  test("is not made a loop by a source that is touched all the time", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    w.mark();
    for (let i = 0; i < 120; i++) {
      await w.update(ConfigMap, "team-a/settings", (it) => ({ ...it, data: { theirs: `${i}` } }));
      await w.update(ConfigMap, "default/settings", (it) => ({
        ...it,
        metadata: { ...it.metadata, annotations: { tick: `${i}` } },
      }));
      await w.advance(1_000);
    }
    assert.ok(w.writes().length <= 12, `${w.writes().length} writes`);
  });

  test("takes our marks off and gives them back: the copy is put right at once", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    const marked = (await w.get(ConfigMap, "team-a/settings"))?.metadata.labels ?? {};
    const label = (labels: ConfigMap["metadata"]["labels"]) =>
      w.update(ConfigMap, "team-a/settings", (it) => ({ ...it, metadata: { ...it.metadata, labels } }));
    await label({});
    await w.advance(10 * MINUTE);
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "2" } }));
    await w.advance(2_000);
    await label(marked);
    await w.advance(2_000);
    assert.deepEqual((await w.get(ConfigMap, "team-a/settings"))?.data, { a: "2" });
  });

  test("gets the object back when it has stopped", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    for (let i = 0; i < 30; i++) {
      await w.update(ConfigMap, "team-a/settings", (it) => ({ ...it, data: { theirs: `${i}` } }));
      await w.advance(1_000);
    }
    await w.advance(15 * MINUTE);
    assert.deepEqual(await w.contents(), { "team-a/settings": { a: "1" }, "team-b/settings": { a: "1" } });
  });
});

suite("two functions that want different things of one object", () => {
  const Deployment = kind("apps/v1", "Deployment");
  const rows: readonly {
    readonly part: "status" | "scale";
    readonly wanting: (replicas: number) => DefinedFunction;
  }[] = [
    {
      part: "status",
      wanting: (replicas) =>
        defineFunction({
          watches: Deployment,
          writes: [status(Deployment), ConfigMap],
          reconcile: () => ({ children: [configMap(`team-a/kid-${replicas}`)], status: { replicas } }),
        }),
    },
    {
      part: "scale",
      wanting: (replicas) =>
        defineFunction({
          watches: Deployment,
          writes: [scale(Deployment), ConfigMap],
          reconcile: (of) => ({ children: [configMap(`team-a/kid-${replicas}`)], scale: [{ of, replicas }] }),
        }),
    },
  ];
  for (const { part, wanting } of rows)
    test(`as its ${part} trip a breaker, and it is told`, async (context) => {
      const w = await world(context, { functions: { one: wanting(1), two: wanting(2) } });
      w.rule(({ resource }) =>
        resource === `deployments/${part}` ? { do: "delay", delayMs: 20, clock: w.clock } : undefined,
      );
      await w.create(deployment("default/web"));
      await w.advance(20_000);
      const fought = w.requests.filter(({ resource }) => resource === `deployments/${part}`);
      assert.ok(fought.length >= 10 && fought.length <= 25, `${fought.length} writes`);
      assert.deepEqual(await w.copies(), ["team-a/kid-1", "team-a/kid-2"]);
      assert.deepEqual(await w.events(), ["NotConverging on default/web"]);
      assert.match((await w.eventTexts())[0] ?? "", new RegExp(`apps/v1/Deployment/${part} default/web keeps`));
    });

  test("let an autoscaler change its mind as often as it likes", async (context) => {
    const autoscaler = defineFunction({
      watches: ConfigMap,
      where: { name: "web" },
      reads: [Deployment, ConfigMap],
      writes: [scale(Deployment)],
      reconcile({ metadata }, cache) {
        const { data } = cache.get(ConfigMap, { ...metadata, name: "load" }) ?? {};
        const of = cache.get(Deployment, metadata);
        return of === undefined ? {} : { scale: [{ of, replicas: Number(data?.["replicas"]) }] };
      },
    });
    const w = await world(context, { functions: { autoscaler } });
    await w.create(
      deployment("default/web"),
      configMap("default/load", { data: { replicas: "1" } }),
      configMap("default/web"),
    );
    for (let replicas = 2; replicas <= 40; replicas++) {
      await w.update(ConfigMap, "default/load", (it) => ({ ...it, data: { replicas: `${replicas}` } }));
      await w.advance(1_000);
      const { spec } = (await w.get(Deployment, "default/web")) ?? assert.fail("it is gone");
      assert.equal((spec as { readonly replicas?: number }).replicas, replicas);
    }
    assert.deepEqual(await w.events(), []);
  });
});

suite("a wish that is another one as soon as it is fulfilled", () => {
  interface Web extends KubeObject {
    readonly apiVersion: "apps/v1";
    readonly kind: "Deployment";
    readonly spec: { readonly replicas: number; readonly paused?: boolean };
  }
  const Deployment = kind<"apps/v1", "Deployment", Web>("apps/v1", "Deployment");
  const web = { apiVersion: "apps/v1", kind: "Deployment", metadata: { namespace: "default", name: "web" } } as const;
  const next: Readonly<Record<string, (of: Web & StoredObject) => Effects<never, Web>>> = {
    "a scale that swings": (of) => ({ scale: [{ of, replicas: of.spec.replicas === 2 ? 3 : 2 }] }),
    "a scale that grows": (of) => ({ scale: [{ of, replicas: of.spec.replicas + 1 }] }),
    "fields that swing": ({ spec }) => ({ apply: [{ ...web, spec: { paused: spec.paused !== true } }] }),
    "a label that swings": ({ metadata: { labels = {} } }) => ({
      apply: [{ ...web, metadata: { ...web.metadata, labels: { turn: labels["turn"] === "1" ? "2" : "1" } } }],
    }),
  };
  const kinds: readonly Kind[] = [ConfigMap, Deployment];
  for (const [name, wish] of Object.entries(next)) {
    for (const watches of kinds)
      test(`${name}, from a key of kind ${watches.kind}: a breaker, and no loop`, async (context) => {
        const swing = defineFunction({
          watches,
          where: { name: "web" },
          reads: [Deployment],
          writes: [scale(Deployment), fields(Deployment)],
          reconcile: (_, cache) => cache.list(Deployment).map(wish)[0] ?? {},
        });
        let writeCount = 0;
        const w = await world(context, {
          functions: { swing },
          objects: [configMap("default/web")],
          // Otherwise a loop without a pause would not come to an end.
          rule: (request) => (isWrite(request) && ++writeCount > 100 ? { do: "hang" } : undefined),
        });
        await w.create(deployment("default/web"));
        await w.advance(20_000);
        assert.ok(w.writes().length <= 11, `${w.writes().length} writes`);
        assert.deepEqual(await w.events(), ["NotConverging on default/web"]);
        await w.advance(9 * MINUTE);
        assert.ok(w.writes().length <= 11, `${w.writes().length} writes`);
      });
  }

  test("is no such wish while somebody changes what it is made from", async (context) => {
    const painter = defineFunction({
      watches: ConfigMap,
      where: { name: "web" },
      reads: [ConfigMap],
      writes: [fields(ConfigMap)],
      reconcile({ metadata }, cache) {
        const labels = cache.get(ConfigMap, { ...metadata, name: "load" })?.data ?? {};
        return {
          apply: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "theirs", namespace: "default", labels } }],
        };
      },
    });
    const w = await world(context, {
      functions: { painter },
      objects: ["web", "load", "theirs"].map((name) => configMap(`default/${name}`)),
    });
    for (let turn = 1; turn <= 40; turn++) {
      await w.update(ConfigMap, "default/load", (it) => ({ ...it, data: { turn: `${turn}` } }));
      await w.advance(1_000);
      assert.equal((await w.get(ConfigMap, "default/theirs"))?.metadata.labels?.["turn"], `${turn}`);
    }
    assert.deepEqual(await w.events(), []);
  });
});
