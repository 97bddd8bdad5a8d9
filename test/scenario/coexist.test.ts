/** Beside others, under faults, at scale, and with nothing to hide. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import cleanupOnDelete from "../../functions/cleanup-on-delete.ts";
import { ConfigMap, kind, Namespace, type Kind } from "../../runtime/kube/kind.ts";
import type { KubeObject, StoredObject } from "../../runtime/kube/object.ts";
import { defineFunction, fields, scale, status, type DefinedFunction } from "../../runtime/reconcile/define.ts";
import type { Effects } from "../../runtime/reconcile/effects.ts";
import { configMap, deployment, namespace, source } from "./objects.ts";
import { isWrite } from "./recorder.ts";
import { shipped, world, type World } from "./world.ts";

const MINUTE = 60_000;
const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

suite("a settled cluster", () => {
  test("costs nothing but open watches, for ten minutes and over a restart", async (context) => {
    const namespaces = range(10).map((i) => `team-${i}`);
    const w = await world(context, { namespaces, objects: range(10).map((i) => source(`default/s${i}`)) });
    await w.converged();
    assert.equal((await w.copies()).length, 100);
    w.mark();
    await w.advance(10 * MINUTE);
    assert.deepEqual(w.asked(), []);
    assert.equal(w.runs.length, 0);
    await w.restart();
    await w.converged();
    assert.deepEqual(w.writes(), []);
  });

  test("is reached with one write per copy and one run per key, however late the watches are", async (context) => {
    const namespaces = range(20).map((i) => `team-${i}`);
    const w = await world(context, { namespaces });
    for (const delayMs of [0, 700]) {
      w.delayWatches(delayMs);
      const keys = range(20).map((i) => `default/s${delayMs}-${i}`);
      w.mark();
      await w.create(...keys.map((key) => source(key)));
      await w.converged();
      assert.equal(w.writes().length, 400);
      assert.deepEqual(new Set(w.writeRequests().map(({ status }) => status)), new Set([201]));
      const runs = w.runs.filter((run) => run.function === "mirror");
      assert.deepEqual(runs.map(({ key }) => key).toSorted(), keys.toSorted(), "the echo of a write wakes nobody");
    }
  });

  test("runs what reads data when data is edited, and not what reads metadata alone", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    w.mark();
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { edited: "1" } }));
    await w.converged();
    assert.deepEqual(w.writes(), ["update team-a/settings", "update team-b/settings"]);
    assert.deepEqual(
      w.runs.map((run) => `${run.function} ${run.key}`),
      ["mirror default/settings"],
    );
  });

  test("has no finalizer of ours anywhere, so that everything can be deleted with the host gone", async (context) => {
    const w = await world(context, { objects: [source("other/settings")] });
    await w.converged();
    await w.stop();
    const [sources, copies] = [
      await w.list(ConfigMap, "mirror=true"),
      await w.list(ConfigMap, "evenkeel.dev/function"),
    ];
    const all = [...sources, ...copies, ...(await w.list(Namespace))];
    for (const { metadata } of all) assert.equal(metadata.finalizers, undefined);
    await w.delete(Namespace, "team-a");
    await w.delete(Namespace, "other");
    await w.advance(2_000);
    for (const name of ["team-a", "other"]) assert.equal(await w.get(Namespace, name), undefined);
    assert.deepEqual(await w.copies(), ["team-b/settings"]);
  });
});

const edited = (it: ConfigMap): ConfigMap => ({ ...it, data: { a: "2" } });

suite("a namespace on its way out", () => {
  test("is left alone: no write, no error, and it gets its copy when it is there again", async (context) => {
    const held = { finalizers: ["example.com/hold"] };
    const w = await world(context, { objects: [source("default/settings", held)], namespaces: ["team-a", "team-b"] });
    await w.converged();
    // The copy itself is held by somebody's finalizer: the namespace stays Terminating for long.
    await w.update(ConfigMap, "team-a/settings", (it) => ({ ...it, metadata: { ...it.metadata, ...held } }));
    await w.converged();
    w.mark();
    await w.delete(Namespace, "team-a");
    await w.advance(5 * MINUTE);
    assert.deepEqual(w.writes(), []);
    await w.update(ConfigMap, "team-a/settings", (it) => ({ ...it, metadata: { ...it.metadata, finalizers: [] } }));
    await w.advance(3_000);
    assert.equal(await w.get(Namespace, "team-a"), undefined);
    await w.create(namespace("team-a"));
    await w.advance(3_000);
    assert.deepEqual(await w.copies(), ["team-a/settings", "team-b/settings"]);
    assert.deepEqual(w.writes(), ["create team-a/settings"]);
  });

  const changes: readonly { readonly what: string; readonly change: (w: World) => Promise<void> }[] = [
    { what: "its source is edited", change: (w) => w.update(ConfigMap, "default/settings", edited) },
    { what: "it is edited", change: (w) => w.update(ConfigMap, "team-a/settings", edited) },
    { what: "its source asks to retain it", change: (w) => w.update(ConfigMap, "default/settings", asking) },
    {
      what: "its immutable source is another",
      async change(w) {
        await w.delete(ConfigMap, "default/fixed");
        await w.create(source("default/fixed", { data: { a: "2" }, immutable: true }));
      },
    },
  ];
  for (const { what, change } of changes)
    test(`asks for nothing where its copy is still there and ${what}`, async (context) => {
      const fixed = source("default/fixed", { data: { a: "1" }, immutable: true });
      const w = await world(context, { objects: [source("default/settings"), fixed] });
      await w.converged();
      await w.delete(Namespace, "team-a");
      // The host has seen it, and what is in it goes after 100 ms.
      await w.advance(50);
      w.mark();
      await change(w);
      await w.advance(20);
      assert.ok(await w.get(ConfigMap, "team-a/settings"));
      assert.deepEqual(
        w.asked().filter((request) => request.includes("team-a/") && !request.startsWith("get")),
        [],
      );
      await w.converged();
      assert.ok((await w.copies()).every((key) => key.startsWith("team-b/")));
    });

  test("that the cache does not show yet: the refusal ends the attempt and is no error", async (context) => {
    const w = await world(context, { objects: [source("default/old")] });
    await w.converged();
    await w.update(ConfigMap, "team-a/old", (it) => ({
      ...it,
      metadata: { ...it.metadata, finalizers: ["e.com/hold"] },
    }));
    await w.converged();
    w.delayWatches(10_000);
    await w.delete(Namespace, "team-a");
    // A watch that was opened before the delay still tells of the source at once.
    w.mark();
    w.spans.reset();
    await w.create(source("default/new"));
    await w.advance(9 * MINUTE);
    const refused = w.writeRequests().filter(({ status }) => status === 403);
    assert.ok(refused.length <= 3, `${refused.length} attempts`);
    assert.equal(w.runs.filter(({ settled }) => settled.error !== undefined).length, 0);
    for (const span of w.spans.getFinishedSpans()) assert.notEqual(span.status.code, 2, span.name);
    assert.deepEqual(await w.copies(), ["team-a/old", "team-b/new", "team-b/old"]);
  });
});

const denial = {
  do: "answer",
  status: 403,
  body: { kind: "Status", apiVersion: "v1", status: "Failure", reason: "Forbidden", code: 403, message: "no" },
} as const;

suite("a target that refuses", () => {
  test("holds up no other, is tried ever more seldom, and is told once", async (context) => {
    const namespaces = range(100).map((i) => `team-${i}`);
    const w = await world(context, { namespaces });
    let isDenied = true;
    w.rule(({ key, verb }) => (isDenied && verb === "create" && key === "team-7/settings" ? denial : undefined));
    await w.create(source("default/settings"));
    await w.advance(2_000);
    assert.equal((await w.copies()).length, 99);
    w.mark();
    await w.advance(30 * MINUTE);
    const tries = w.writeRequests().map(({ atMs }) => atMs);
    assert.ok(tries.length >= 8 && tries.length <= 20, `${tries.length} tries in half an hour`);
    assert.deepEqual(new Set(w.writes()), new Set(["create team-7/settings"]));
    assert.deepEqual(await w.events(), ["WriteRefused on default/settings"]);
    isDenied = false;
    await w.advance(7 * MINUTE);
    assert.equal((await w.copies()).length, 100);
  });

  test("shows for how long it has done so, though the runs that leave it out succeed", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    const age = () => w.metric('evenkeel_function_last_success_age_seconds{controller="mirror"}');
    const denied = () => w.metric('evenkeel_blocked{controller="mirror",reason="denied"}');
    w.rule(({ key, verb }) => (verb === "update" && key === "team-a/settings" ? denial : undefined));
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "2" } }));
    for (let i = 0; i < 21; i++) {
      await w.advance(30_000);
      const annotations = { tick: `${i}` };
      await w.update(ConfigMap, "default/settings", (it) => ({ ...it, metadata: { ...it.metadata, annotations } }));
      await w.advance(100);
    }
    const seconds = (await age()) ?? 0;
    assert.ok(seconds >= 600, `${seconds} s`);
    assert.equal(await denied(), 1);
    w.rule(() => undefined);
    await w.advance(6 * MINUTE);
    assert.deepEqual([await age(), await denied()], [0, 0]);
  });

  test("is no trouble any more once its source is gone", async (context) => {
    const w = await world(context, { objects: [source("default/settings")], namespaces: ["team-a"] });
    await w.converged();
    w.rule(({ verb }) => (verb === "update" ? denial : undefined));
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "2" } }));
    await w.advance(MINUTE);
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    const found = [...(await w.samples())].filter(([series]) => /^evenkeel_(blocked|function_last)/.test(series));
    assert.deepEqual(
      found.filter(([, value]) => value !== 0),
      [],
    );
  });
});

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

suite("dry run", () => {
  test("plans everything, traces it, and writes nothing", async (context) => {
    const w = await world(context, { objects: [source("default/settings")], dryRun: true });
    await w.converged();
    await w.create(source("other/settings"));
    await w.delete(ConfigMap, "default/settings");
    await w.advance(MINUTE);
    assert.deepEqual(
      w.asked().filter((request) => !/^(get|list) /.test(request)),
      [],
    );
    const plans = w.spans.getFinishedSpans().filter(({ name }) => name === "plan");
    assert.ok(plans.some(({ attributes }) => attributes["evenkeel.plan.creates"] === 2));
    await w.apply({ dryRun: false });
    await w.converged();
    assert.deepEqual(await w.copies(), ["team-a/settings", "team-b/settings"]);
  });

  test("goes on without reading the cluster again and again", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    await w.apply({ dryRun: true });
    await w.converged();
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    w.mark();
    await w.advance(10 * MINUTE);
    assert.deepEqual(w.asked(), []);
    assert.equal((await w.copies()).length, 2);
  });
});

const retain = { "evenkeel.dev/retain": "true" };
const unlabelled = (it: ConfigMap): ConfigMap => ({ ...it, metadata: { ...it.metadata, labels: {} } });
const asking = (it: ConfigMap): ConfigMap => ({ ...it, metadata: { ...it.metadata, annotations: retain } });

async function askAndGo(w: World): Promise<void> {
  await w.update(ConfigMap, "default/settings", asking);
  await w.delete(ConfigMap, "default/settings");
}

async function askAndUnlabel(w: World): Promise<void> {
  await w.update(ConfigMap, "default/settings", asking);
  await w.update(ConfigMap, "default/settings", unlabelled);
}

suite("a source that asks to retain its copies", () => {
  test("leaves them behind, without our marks", async (context) => {
    const retained = source("default/settings", { data: { a: "1" }, annotations: retain });
    const w = await world(context, { objects: [retained] });
    await w.converged();
    w.mark();
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    assert.deepEqual(await w.copies(), []);
    for (const key of ["team-a/settings", "team-b/settings"]) {
      const left = await w.get(ConfigMap, key);
      assert.deepEqual(left?.data, { a: "1" });
      assert.doesNotMatch(JSON.stringify([left?.metadata.labels, left?.metadata.annotations]), /evenkeel/);
    }
    assert.deepEqual(w.writes().toSorted(), ["patch team-a/settings", "patch team-b/settings"]);
  });

  test("and goes before every copy shows it is heard all the same", async (context) => {
    const namespaces = range(100).map((i) => `team-${i}`);
    const w = await world(context, { namespaces, objects: [source("default/settings")] });
    await w.converged();
    w.rule(({ method }) => (method === "GET" ? undefined : { do: "delay", delayMs: 50, clock: w.clock }));
    w.mark();
    await w.update(ConfigMap, "default/settings", asking);
    await w.advance(150);
    assert.ok(w.writes().length < 100, "not every copy is written yet");
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    for (const name of namespaces) assert.ok(await w.get(ConfigMap, `${name}/settings`), name);
    assert.deepEqual(await w.copies(), []);
  });

  const many = range(100).map((i) => `team-${i}`);
  const lastWishes: readonly {
    readonly name: string;
    /** What becomes of a source that is about to ask, in one moment. */
    readonly going: (w: World) => Promise<void>;
    /** What comes before its copies are handled. */
    readonly next?: (w: World) => Promise<void>;
    readonly isLeft: boolean;
  }[] = [
    { name: "and goes in the same moment is heard", going: askAndGo, isLeft: true },
    { name: "and loses its label in the same moment is heard", going: askAndUnlabel, isLeft: true },
    {
      name: "in the very update that takes its label off is not heard: no watch of what is labelled shows it",
      going: (w) => w.update(ConfigMap, "default/settings", (it) => unlabelled(asking(it))),
      isLeft: false,
    },
    {
      name: "and goes is heard by another configuration",
      going: askAndGo,
      next: (w) => w.apply({ dryRun: true }).then(() => w.apply({ dryRun: false })),
      isLeft: true,
    },
    {
      name: "during a dry run is heard after it",
      going: (w) => w.apply({ dryRun: true }).then(() => askAndGo(w)),
      next: (w) => w.converged().then(() => w.apply({ dryRun: false })),
      isLeft: true,
    },
    {
      name: "and goes is heard by another version of the function",
      going: askAndGo,
      next: (w) => w.apply({ functions: { ...shipped, "cleanup-on-delete": { ...cleanupOnDelete } } }),
      isLeft: true,
    },
    {
      name: "and is made anew without the wish has taken it back",
      going: askAndGo,
      next: async (w) => {
        await w.create(source("default/settings"));
        await w.converged();
        assert.equal((await w.copies()).length, many.length);
        await w.delete(ConfigMap, "default/settings");
      },
      isLeft: false,
    },
  ];
  for (const { name, going, next, isLeft } of lastWishes)
    test(name, async (context) => {
      const w = await world(context, {
        namespaces: many,
        objects: [source("default/settings"), source("default/old")],
      });
      await w.converged();
      // Whoever could handle its copies has other things in hand.
      w.rule(({ verb, key }) =>
        verb === "delete" && key.endsWith("/old") ? { do: "delay", delayMs: 500, clock: w.clock } : undefined,
      );
      await w.delete(ConfigMap, "default/old");
      await w.advance(500);
      await going(w);
      await next?.(w);
      await w.converged();
      const left = (await w.list(ConfigMap)).filter(({ metadata }) => metadata.namespace?.startsWith("team-") === true);
      assert.equal(left.length, isLeft ? many.length : 0);
      assert.deepEqual(await w.copies(), []);
    });

  test("is heard where a copy can never be made to show it", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    w.rule(({ verb, key }) => (verb === "update" && key === "team-a/settings" ? denial : undefined));
    await w.update(ConfigMap, "default/settings", asking);
    await w.advance(5 * MINUTE);
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    for (const key of ["team-a/settings", "team-b/settings"]) assert.ok(await w.get(ConfigMap, key), key);
  });

  test("takes the wish back, and the copies go with it after all", async (context) => {
    const retained = source("default/settings", { annotations: retain });
    const w = await world(context, { objects: [retained] });
    await w.converged();
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, metadata: { ...it.metadata, annotations: {} } }));
    await w.converged();
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    assert.equal(await w.get(ConfigMap, "team-a/settings"), undefined);
  });
});

suite("what the host tells", () => {
  test("holds no data value: not in spans, events, logs or metrics", async (context) => {
    const canary = "c4n4ry";
    const content = { data: { password: canary }, binaryData: { key: Buffer.from(canary).toString("base64") } };
    const base64 = content.binaryData.key;
    const objects = [
      source("default/settings", content),
      source("other/settings", content),
      source("default/kube-root-ca.crt", content),
      source("default/fixed", { ...content, immutable: true }),
    ];
    const w = await world(context, { objects });
    await w.create({ ...source("team-a/taken"), metadata: { name: "taken", namespace: "team-a" } });
    await w.create(source("default/taken", content));
    w.rule(({ verb, key }) => {
      if (verb === "create" && key === "team-b/settings") return { do: "answer", status: 500, body: "boom" };
      return verb === "delete" ? { do: "fail" } : undefined;
    });
    await w.advance(MINUTE);
    w.rule(() => undefined);
    await w.delete(ConfigMap, "default/fixed");
    await w.create(source("default/fixed", { data: { password: `${canary}2` }, immutable: true }));
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    const spans = w.spans.getFinishedSpans();
    assert.ok(spans.length > 20 && w.logs.length > 10 && (await w.events()).length >= 4);
    const told = {
      spans: spans.map(({ name, attributes, events, status, links }) =>
        JSON.stringify({ name, attributes, events, status, links: links.map((link) => link.attributes) }),
      ),
      logs: w.logs,
      events: await w.eventTexts(),
      metrics: [await w.machine.metrics.text()],
    };
    for (const [where, texts] of Object.entries(told)) {
      const leak = texts.find((text) => text.includes(canary) || text.includes(base64));
      assert.equal(leak, undefined, where);
    }
  });

  test("says why each run happened, and links it to the write that woke it", async (context) => {
    const w = await world(context);
    await w.converged();
    // As over a network: the answer to a write is there before the watch tells of it.
    w.delayWatches(5);
    w.spans.reset();
    await w.create(source("default/settings"));
    await w.converged();
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    const reasons = w.spans
      .getFinishedSpans()
      .filter(({ name }) => name.startsWith("reconcile"))
      .map(
        ({ name, attributes }) =>
          `${name} ${String(attributes["evenkeel.key"])}: ${String(attributes["evenkeel.wakes"])}`,
      );
    assert.ok(reasons.includes("reconcile mirror default/settings: source added"), reasons.join("\n"));
    const deletion =
      "read deleted v1/ConfigMap default/settings (v1/ConfigMap default/settings [mirror=true] (metadata))";
    assert.ok(reasons.includes(`reconcile cleanup-on-delete team-a/settings: ${deletion}`), reasons.join("\n"));
    const creation = w.spans.getFinishedSpans().find(({ name }) => name === "create v1/ConfigMap");
    const linked = w.spans
      .getFinishedSpans()
      .filter(({ name }) => name === "reconcile cleanup-on-delete")
      .flatMap(({ links }) => links.map((link) => link.context.spanId));
    assert.ok(linked.includes(creation?.spanContext().spanId ?? "none"));
  });

  test("carries the span of each write to the API server", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    const written = w.spans.getFinishedSpans().filter(({ name }) => name === "create v1/ConfigMap");
    assert.equal(written.length, 2);
    for (const { attributes } of written) {
      assert.equal(attributes["evenkeel.result"], "ok");
      assert.ok(["team-a", "team-b"].includes(String(attributes["k8s.namespace.name"])));
    }
  });
});
