/** A settled cluster costs nothing; a namespace that goes, and a target that refuses, hold up no other; a dry run writes nothing. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap, Namespace } from "../../runtime/kube/kind.ts";
import { asking, namespace, source } from "./objects.ts";
import { denial } from "./refusal.ts";
import { world, type World } from "./world.ts";

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
