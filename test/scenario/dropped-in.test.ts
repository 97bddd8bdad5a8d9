/** Functions other than the shipped ones: children of kinds that others fill in, errors, delays, memory, other versions. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap, kind, Namespace } from "../../runtime/kube/kind.ts";
import type { KubeObject } from "../../runtime/kube/object.ts";
import { metadataOf, select } from "../../runtime/kube/query.ts";
import { defineFunction, type DefinedFunction } from "../../runtime/reconcile/define.ts";
import { TerminalError, type Child, type Effects } from "../../runtime/reconcile/effects.ts";
import { configMap, namespace, source } from "./objects.ts";
import type { Rule } from "./recorder.ts";
import { shipped, world, type World } from "./world.ts";

const MINUTE = 60_000;
const SECOND = 1_000;

interface Container {
  readonly name: string;
  readonly image: string;
  readonly resources?: object;
}

interface Deployment extends KubeObject {
  readonly apiVersion: "apps/v1";
  readonly kind: "Deployment";
  readonly spec: {
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly selector: object;
    readonly template: {
      readonly metadata?: object;
      readonly spec: { readonly containers: readonly Container[] };
    };
  };
}
const Deployment = kind<"apps/v1", "Deployment", Deployment>("apps/v1", "Deployment");

/** One Deployment per ConfigMap labelled app=NAME. */
const deploy = defineFunction({
  watches: ConfigMap,
  where: { labels: { deploy: "true" } },
  writes: [Deployment],
  reconcile({ metadata, data = {} }) {
    const { name, namespace = "" } = metadata;
    const child: Child<Deployment> = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace },
      spec: {
        ...(data["paused"] === undefined ? {} : { paused: true }),
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { containers: [{ name: "main", image: data["image"] ?? "none", ...limited(data["cpu"]) }] },
        },
      },
    };
    return data["image"] === undefined ? { children: [] } : { children: [child] };
  },
});

const limited = (cpu: string | undefined): object => (cpu === undefined ? {} : { resources: { limits: { cpu } } });

function app(key: string, data: Readonly<Record<string, string>> = { image: "web:1" }): ConfigMap {
  return configMap(key, { labels: { deploy: "true" }, data });
}

const functions = { deploy };

suite("children whose fields others fill in", () => {
  test("are applied once: what the server adds is no difference, also after a restart", async (context) => {
    const w = await world(context, { functions, objects: [app("default/web")] });
    await w.converged();
    const deployment = await w.get(Deployment, "default/web");
    assert.equal(deployment?.spec.replicas, 1, "the server fills in its defaults");
    assert.deepEqual(w.writes(), ["apply default/web"]);
    await w.advance(10 * MINUTE);
    await w.restart();
    await w.converged();
    assert.deepEqual(w.writes(), ["apply default/web"]);
  });

  test("lose a field that is no longer wanted, and keep what others set", async (context) => {
    const w = await world(context, { functions, objects: [app("default/web", { image: "web:1", paused: "yes" })] });
    await w.converged();
    assert.equal((await w.get(Deployment, "default/web"))?.spec.paused, true);
    await w.update(Deployment, "default/web", (it) => ({ ...it, spec: { ...it.spec, replicas: 7 } }));
    await w.converged();
    w.mark();
    await w.update(ConfigMap, "default/web", (it) => ({ ...it, data: { image: "web:2" } }));
    await w.converged();
    const { spec } = (await w.get(Deployment, "default/web")) ?? assert.fail("it is gone");
    assert.deepEqual([spec.paused, spec.replicas, spec.template.spec.containers[0]?.image], [undefined, 7, "web:2"]);
    assert.deepEqual(w.writes(), ["apply default/web"]);
  });

  test("are repaired where somebody changed a field of ours", async (context) => {
    const w = await world(context, { functions, objects: [app("default/web")] });
    await w.converged();
    w.mark();
    await w.update(Deployment, "default/web", (it) => ({
      ...it,
      spec: {
        ...it.spec,
        template: {
          ...it.spec.template,
          spec: { ...it.spec.template.spec, containers: [{ name: "main", image: "evil" }] },
        },
      },
    }));
    await w.converged();
    const { spec } = (await w.get(Deployment, "default/web")) ?? assert.fail("it is gone");
    assert.equal(spec.template.spec.containers[0]?.image, "web:1");
    assert.deepEqual(w.writes(), ["apply default/web"]);
  });

  test("are pruned when they are no longer wanted", async (context) => {
    const w = await world(context, { functions, objects: [app("default/web")] });
    await w.converged();
    await w.update(ConfigMap, "default/web", (it) => ({ ...it, data: {} }));
    await w.converged();
    assert.equal(await w.get(Deployment, "default/web"), undefined);
  });

  test("never take over an object of that name that is not ours", async (context) => {
    const theirs: Deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace: "default", labels: { app: "theirs" } },
      spec: {
        selector: { matchLabels: { app: "theirs" } },
        template: {
          metadata: { labels: { app: "theirs" } },
          spec: { containers: [{ name: "main", image: "theirs" }] },
        },
      },
    };
    const w = await world(context, { functions, objects: [theirs, app("default/web")] });
    const before = await w.get(Deployment, "default/web");
    await w.advance(20 * MINUTE);
    await w.restart();
    await w.advance(MINUTE);
    assert.deepEqual(await w.get(Deployment, "default/web"), before);
    assert.deepEqual(await w.events(), ["NotOurs on default/web"]);
    await w.delete(Deployment, "default/web");
    await w.advance(75 * SECOND);
    assert.equal((await w.get(Deployment, "default/web"))?.spec.template.spec.containers[0]?.image, "web:1");
  });
});

/** As a quantity, 1000m is 1. */
const inWholeCores: Rule = ({ verb, body = "" }) =>
  verb === "apply" ? { do: "alter", body: body.replaceAll('"1000m"', '"1"') } : undefined;

async function touch(w: World, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const annotations = { tick: `${w.clock.now()}` };
    await w.update(ConfigMap, "default/web", (it) => ({ ...it, metadata: { ...it.metadata, annotations } }));
    await w.advance(SECOND);
  }
}

suite("a child that the server stores in another spelling", () => {
  const objects = [app("default/web", { image: "web:1", cpu: "1000m" })];
  test("costs one request more, and one after a restart, however often its source is touched", async (context) => {
    const w = await world(context, { functions, objects, rule: inWholeCores });
    await w.converged();
    await touch(w, 20);
    assert.equal(w.writes().length, 2);
    await w.restart();
    await touch(w, 20);
    assert.equal(w.writes().length, 3);
    assert.deepEqual(await w.events(), []);
  });

  test("is repaired where it says something else, and created where it is gone", async (context) => {
    const w = await world(context, { functions, objects, rule: inWholeCores });
    await w.converged();
    await touch(w, 20);
    await w.update(Deployment, "default/web", (it) => {
      const containers = [{ name: "main", image: "web:1", ...limited("2") }];
      return { ...it, spec: { ...it.spec, template: { ...it.spec.template, spec: { containers } } } };
    });
    await w.advance(SECOND);
    const repaired = await w.get(Deployment, "default/web");
    assert.deepEqual(repaired?.spec.template.spec.containers[0]?.resources, { limits: { cpu: "1" } });
    await w.delete(Deployment, "default/web");
    await w.advance(SECOND);
    assert.notEqual(await w.get(Deployment, "default/web"), undefined);
    assert.deepEqual(await w.events(), []);
  });
});

/** A function over ConfigMaps labelled mirror=true that does what `reconcile` says with its data. */
function perSource(
  reconcile: (data: Readonly<Record<string, string>>, memo: unknown) => Effects<ConfigMap>,
): DefinedFunction {
  return defineFunction({
    watches: select(ConfigMap, { labels: { mirror: "true" } }),
    writes: [ConfigMap],
    reconcile: ({ data = {} }, _cache, { memo }) => reconcile(data, memo),
  });
}

const note = (name: string, data: Readonly<Record<string, string>>): Child<ConfigMap> =>
  configMap(`team-a/${name}`, { data });

suite("a function that throws", () => {
  const fragile = perSource((data) => {
    if (data["bad"] !== undefined) throw new Error(`cannot take ${data["bad"]}`);
    return { children: [note("out", data)] };
  });

  test("keeps what it made before, harms no other key or function, and is retried ever more seldom", async (context) => {
    const w = await world(context, {
      functions: { ...shipped, fragile },
      objects: [source("default/settings", { data: { a: "1" } })],
    });
    await w.converged();
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { bad: "c4n4ry" } }));
    w.mark();
    await w.advance(10 * MINUTE);
    const failures = w.runs.filter((run) => run.function === "fragile");
    assert.ok(failures.length >= 10 && failures.length <= 25, `${failures.length} runs`);
    assert.deepEqual((await w.get(ConfigMap, "team-a/out"))?.data, { a: "1" });
    assert.deepEqual((await w.get(ConfigMap, "team-a/settings"))?.data, { bad: "c4n4ry" });
    assert.deepEqual(await w.events(), ["ReconcileFailed on default/settings"]);
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "2" } }));
    await w.advance(2 * SECOND);
    assert.deepEqual((await w.get(ConfigMap, "team-a/out"))?.data, { a: "2" });
  });

  test("is told by code alone in spans, in its author's words in logs and events", async (context) => {
    const w = await world(context, {
      functions: { fragile },
      objects: [source("default/x", { data: { bad: "luck" } })],
    });
    await w.advance(SECOND);
    const spans = w.spans.getFinishedSpans();
    assert.ok(spans.some(({ status }) => status.message === "FUNCTION_THREW"));
    for (const { attributes, events, status } of spans)
      assert.doesNotMatch(JSON.stringify([attributes, events, status]), /luck/);
    for (const texts of [w.logs, await w.eventTexts()])
      assert.ok(texts.some((text) => text.includes("cannot take luck")));
  });

  test("tells nothing of what V8 quotes: not in spans, not in events, not in logs", async (context) => {
    const parsing = perSource((data) => {
      JSON.parse(data["json"] ?? "");
      return {};
    });
    const w = await world(context, {
      functions: { parsing },
      objects: [source("default/x", { data: { json: "c4n4ry" } })],
    });
    await w.advance(SECOND);
    assert.ok(w.logs.some((line) => line.includes("SyntaxError")));
    const spans = w.spans.getFinishedSpans().map(({ attributes, events, status }) => ({ attributes, events, status }));
    for (const text of [...w.logs, ...(await w.eventTexts()), JSON.stringify(spans)])
      assert.doesNotMatch(text, /c4n4ry/);
  });

  test("a TerminalError is not retried until something changes", async (context) => {
    const stubborn = perSource((data) => {
      if (data["a"] === "1") throw new TerminalError("a must not be 1");
      return { children: [note("out", data)] };
    });
    const w = await world(context, { functions: { stubborn }, objects: [source("default/settings")] });
    await w.advance(10 * MINUTE);
    assert.equal(w.runs.length, 1);
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "2" } }));
    await w.converged();
    assert.deepEqual((await w.get(ConfigMap, "team-a/out"))?.data, { a: "2" });
  });

  test("wakes by what it read before it threw, and by what the run before read", async (context) => {
    const reading = defineFunction({
      watches: select(ConfigMap, { labels: { mirror: "true" } }),
      reads: [Namespace],
      writes: [ConfigMap],
      reconcile(_source, cache) {
        if (cache.get(Namespace, { name: "team-late" }) === undefined)
          throw new TerminalError("team-late is not there");
        return { children: [configMap("team-late/out", { data: { a: "1" } })] };
      },
    });
    const w = await world(context, { functions: { reading }, objects: [source("default/settings")] });
    await w.converged();
    assert.deepEqual(await w.copies(), []);
    await w.create(namespace("team-late"));
    await w.converged();
    assert.deepEqual(await w.copies(), ["team-late/out"]);
  });

  test("that returns what cannot be planned is an error like any other", async (context) => {
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    const circular = defineFunction({
      watches: select(ConfigMap, { labels: { mirror: "true" } }),
      writes: [kind("apps/v1", "Deployment")],
      reconcile: ({ metadata: { namespace = "" } }) => ({
        children: [{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "x", namespace }, spec: circle }],
      }),
    });
    const w = await world(context, { functions: { ...shipped, circular }, objects: [source("default/settings")] });
    await w.advance(MINUTE);
    assert.equal((await w.copies()).length, 2);
    const failures = w.runs.filter((run) => run.function === "circular");
    assert.ok(failures.length > 3 && failures.every(({ settled }) => settled.error !== undefined));
  });
});

suite("a function whose effects throw when they are looked at", () => {
  for (const looks of [1, 2, 3, 4, 5, 6, 7]) {
    test(`for the ${looks}th time: the key is retried, not lost`, async (context) => {
      let count = 0;
      const evasive = perSource((data) => ({
        children: [note("out", data)],
        get memo() {
          if (data["a"] === "1" && ++count >= looks) throw new Error("look away");
          return 1;
        },
      }));
      const w = await world(context, { functions: { evasive }, objects: [source("default/settings")] });
      await w.advance(MINUTE);
      await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "2" } }));
      await w.advance(2 * SECOND);
      assert.deepEqual((await w.get(ConfigMap, "team-a/out"))?.data, { a: "2" });
    });
  }
});

suite("a function that", () => {
  test("asks to run again later is run then, and not sooner", async (context) => {
    const w = await world(context, {
      functions: { ticking: perSource(() => ({ requeueAfterMs: 30_000 })) },
      objects: [source("default/settings")],
    });
    await w.advance(5 * MINUTE + SECOND);
    assert.equal(w.runs.length, 11);
  });

  test("remembers something gets it back at its next run, and nothing after a restart", async (context) => {
    const seen: unknown[] = [];
    const counting = perSource((_data, memo) => {
      seen.push(memo);
      return { memo: ((memo as number | undefined) ?? 0) + 1, requeueAfterMs: 1_000 };
    });
    const w = await world(context, { functions: { counting }, objects: [source("default/settings")] });
    await w.advance(2 * SECOND + 500);
    await w.restart();
    await w.advance(500);
    // In development each run happens twice.
    assert.deepEqual(
      seen.filter((_, i) => i % 2 === 0),
      [undefined, 1, 2, undefined],
    );
  });

  const changes: readonly {
    readonly name: string;
    readonly change: (w: World, functions: Readonly<Record<string, DefinedFunction>>) => Promise<void>;
    readonly keeps: boolean;
  }[] = [
    { name: "by another configuration", change: (w) => w.apply({ dryRun: true }), keeps: true },
    {
      name: "by two of them, of which the first never comes to work",
      change: (w) => w.apply({ dryRun: true }).then(() => w.apply({ dryRun: false })),
      keeps: true,
    },
    {
      name: "by another version, which may mean something else by it",
      change: (w, { keeping }) => w.apply({ functions: { keeping: { ...keeping } as DefinedFunction } }),
      keeps: false,
    },
    {
      name: "where the object goes meanwhile and comes again",
      async change(w) {
        await w.delete(ConfigMap, "default/settings");
        await w.apply({ dryRun: true });
        await w.create(source("default/settings"));
      },
      keeps: false,
    },
  ];
  for (const { name, change, keeps } of changes)
    test(`remembers something and is replaced ${name}: it is ${keeps ? "handed on" : "forgotten"}`, async (context) => {
      const seen: unknown[] = [];
      const keeping = perSource((_data, memo) => {
        seen.push(memo);
        return { memo: "kept" };
      });
      const w = await world(context, { functions: { keeping }, objects: [source("default/settings")] });
      await w.converged();
      seen.length = 0;
      await change(w, { keeping });
      await w.converged();
      assert.deepEqual(new Set(seen), new Set([keeps ? "kept" : undefined]));
    });

  test("remembers something of a deleted object does not pass it on to the next of that name", async (context) => {
    const seen: unknown[] = [];
    const keeping = perSource((data, memo) => {
      seen.push(memo);
      return { memo: data["a"] };
    });
    const w = await world(context, { functions: { keeping }, objects: [source("default/settings")] });
    await w.converged();
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    await w.create(source("default/settings"));
    await w.converged();
    assert.deepEqual(new Set(seen), new Set([undefined]));
  });

  test("says nothing of its children leaves them alone; one that wants none has them removed", async (context) => {
    const moody = perSource((data) =>
      data["mood"] === "silent" ? {} : { children: data["mood"] === "none" ? [] : [note("out", data)] },
    );
    const w = await world(context, { functions: { moody }, objects: [source("default/settings")] });
    await w.converged();
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { mood: "silent" } }));
    await w.converged();
    assert.deepEqual(await w.contents(), { "team-a/out": { a: "1" } });
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { mood: "none" } }));
    await w.converged();
    assert.deepEqual(await w.copies(), []);
  });

  test("wants something else at each run is no hot loop", async (context) => {
    const restless = defineFunction({
      watches: select(ConfigMap, { labels: { mirror: "true" } }),
      writes: [ConfigMap],
      reconcile(_source, cache, { now }) {
        cache.list(metadataOf(ConfigMap), { labels: { "evenkeel.dev/function": "restless" } });
        const { metadata, ...out } = note("out", { now: `${now}` });
        // It reads metadata alone: a change of the data alone would wake nobody.
        return { children: [{ ...out, metadata: { ...metadata, annotations: { now: `${now}` } } }] };
      },
    });
    const w = await world(context, { functions: { restless }, objects: [source("default/settings")] });
    w.delayWatches(50);
    await w.advance(MINUTE);
    assert.ok(w.writes().length <= 12, `${w.writes().length} writes in a minute`);
    assert.deepEqual(await w.events(), ["NotConverging on default/settings"]);
  });

  test("gives a kind another plural than the server's is told so once, and works", async (context) => {
    const misnamed = defineFunction({
      watches: kind<"v1", "ConfigMap", ConfigMap>("v1", "ConfigMap", { plural: "maps" }),
      where: { labels: { mirror: "true" } },
      writes: [ConfigMap, kind("v1", "Secret", { plural: "secrets" })],
      reconcile: () => ({ children: [configMap("team-a/out")] }),
    });
    const w = await world(context, { functions: { misnamed }, objects: [source("default/x")] });
    await w.advance(SECOND);
    const lines = w.logs.flatMap((line) => {
      const { message, kind: of, plural, served, function: name } = JSON.parse(line) as Record<string, unknown>;
      return plural === undefined ? [] : [{ message, of, plural, served, name }];
    });
    const message = "the manifests name a kind by another plural than the cluster; give kind() the one that is served";
    assert.deepEqual(lines, [{ message, of: "v1/ConfigMap", plural: "maps", served: "configmaps", name: "misnamed" }]);
    assert.ok((await w.get(ConfigMap, "team-a/out")) !== undefined);
  });

  test("of a kind that is not served waits for it, and harms no other", async (context) => {
    const Widget = kind("example.com/v1", "Widget");
    const waiting = defineFunction({ watches: Widget, writes: [ConfigMap], reconcile: () => ({}) });
    const w = await world(context, { functions: { ...shipped, waiting }, objects: [source("default/settings")] });
    await w.advance(MINUTE);
    assert.equal((await w.copies()).length, 2);
    assert.equal(w.runs.filter((run) => run.function === "waiting").length, 0);
  });
});
