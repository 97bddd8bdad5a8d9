/** Other functions and other configurations while the host runs: from the files to the copies. */
import { openInline } from "../support/inline-cell.ts";
import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { Program, type ProgramState } from "../../runtime/host/program.ts";
import { ConfigMap, Namespace } from "../../runtime/kube/kind.ts";
import { defineFunction, type DefinedFunction } from "../../runtime/reconcile/define.ts";
import { Arrivals } from "../support/arrivals.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { configMap, namespace, source } from "./objects.ts";
import { shipped, world, type World } from "./world.ts";

/** Makes `NAMESPACE/note` with this text for each namespace with this label `note`. */
function noting(text: string, note = "true"): DefinedFunction {
  return defineFunction({
    watches: Namespace,
    where: { labels: { note } },
    writes: [ConfigMap],
    reconcile: ({ metadata: { name } }) => ({ children: [configMap(`${name}/note`, { data: { text } })] }),
  });
}

suite("another version of a function", () => {
  test("takes over the children of the one before, and wakes only its own keys", async (context) => {
    const w = await world(context, {
      functions: { ...shipped, noting: noting("1") },
      objects: [source("default/settings")],
    });
    await w.update(Namespace, "other", (it) => ({ ...it, metadata: { ...it.metadata, labels: { note: "true" } } }));
    await w.converged();
    w.mark();
    await w.apply({ functions: { ...shipped, noting: noting("2") } });
    await w.converged();
    assert.deepEqual(w.writes(), ["update other/note"]);
    assert.deepEqual((await w.get(ConfigMap, "other/note"))?.data, { text: "2" });
    assert.deepEqual(
      w.runs.map((run) => `${run.function} ${run.key} ${run.woken.wakes[0]?.what}`),
      ["noting other function"],
    );
    assert.ok(!w.asked().some((request) => request.startsWith("list")), "what is cached is not listed anew");
  });

  test("waits until the writes of the one before are answered", async (context) => {
    const w = await world(context, { functions: { noting: noting("1") } });
    await w.converged();
    let count = 0;
    w.rule(({ method, resource }) => {
      if (method === "GET" || resource === "events" || count++ > 0) return undefined;
      return { do: "delay", delayMs: 5_000, clock: w.clock };
    });
    await w.update(Namespace, "other", (it) => ({ ...it, metadata: { ...it.metadata, labels: { note: "true" } } }));
    await w.advance(100);
    await w.apply({ functions: { noting: noting("2") } });
    await w.advance(4_000);
    assert.deepEqual(w.writes(), ["create other/note"]);
    await w.converged();
    assert.deepEqual(w.writes(), ["create other/note", "update other/note"]);
    assert.deepEqual((await w.get(ConfigMap, "other/note"))?.data, { text: "2" });
  });

  test("that is added works at once; one that is removed leaves its children", async (context) => {
    const w = await world(context, { functions: shipped, objects: [source("default/settings")] });
    await w.update(Namespace, "other", (it) => ({ ...it, metadata: { ...it.metadata, labels: { note: "true" } } }));
    await w.converged();
    await w.apply({ functions: { ...shipped, noting: noting("1") } });
    await w.converged();
    assert.deepEqual(await w.copies(), ["other/note", "team-a/settings", "team-b/settings"]);
    w.mark();
    await w.apply({ functions: { noting: noting("1") }, config: {} });
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    assert.deepEqual(await w.copies(), ["other/note", "team-a/settings", "team-b/settings"]);
    assert.deepEqual(w.writes(), []);
  });

  test("many in a row: the last one is at work in the end", async (context) => {
    const w = await world(context, { functions: { noting: noting("0") } });
    await w.update(Namespace, "other", (it) => ({ ...it, metadata: { ...it.metadata, labels: { note: "true" } } }));
    for (let i = 1; i <= 20; i++) {
      await w.apply({ functions: { noting: noting(`${i}`) } });
      if (i % 5 === 0) await w.advance(3);
    }
    await w.converged();
    assert.deepEqual((await w.get(ConfigMap, "other/note"))?.data, { text: "20" });
  });
});

suite("another configuration", () => {
  test("wakes the keys of its function alone", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    w.mark();
    await w.apply({ config: { mirror: { prefixes: ["team-", "other"] } } });
    await w.converged();
    assert.deepEqual(w.writes(), ["create other/settings"]);
    const woken = w.runs.map((run) => `${run.function} ${run.key} ${run.woken.wakes[0]?.what}`);
    assert.deepEqual(woken.toSorted(), ["cleanup-on-delete other/settings source", "mirror default/settings config"]);
  });

  test("that is the same again wakes nobody", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    w.mark();
    await w.apply({ config: { mirror: { prefixes: ["team-"] } } });
    await w.converged();
    assert.equal(w.runs.length, 0);
  });
});

suite("on the metrics page", () => {
  const noted: Namespace = { ...namespace("noted"), metadata: { name: "noted", labels: { note: "true" } } };
  const options = { functions: { ...shipped, noting: noting("1") }, objects: [source("default/settings"), noted] };
  const swaps = [
    { what: "another version of a function", change: { functions: { ...shipped, noting: noting("2") } } },
    { what: "another configuration", change: { config: { mirror: { prefixes: ["team-", "other"] } } } },
    { what: "a dry run", change: { dryRun: true } },
  ];
  for (const { what, change } of swaps)
    test(`no counter falls with ${what}`, async (context) => {
      const w = await world(context, options);
      await w.converged();
      const before = await w.samples();
      await w.apply(change);
      assert.deepEqual(fallen(before, await w.samples()), []);
      await w.converged();
      assert.deepEqual(fallen(before, await w.samples()), []);
    });

  test("a query that no version asks any more is not shown", async (context) => {
    const w = await world(context, options);
    await w.converged();
    assert.notDeepEqual(await mentioning(w, "note=true"), []);
    await w.apply({ functions: { ...shipped, noting: noting("1", "later") } });
    await w.converged();
    assert.deepEqual(await mentioning(w, "note=true"), []);
    assert.notDeepEqual(await mentioning(w, "note=later"), []);
  });

  test("nothing is left of a function that is gone", async (context) => {
    const w = await world(context, options);
    await w.converged();
    await w.apply({ functions: shipped });
    await w.converged();
    assert.deepEqual([...(await mentioning(w, "noting")), ...(await mentioning(w, "note=true"))], []);
  });
});

/** The series in whose labels this occurs. */
async function mentioning(w: World, text: string): Promise<readonly string[]> {
  return [...(await w.samples()).keys()].filter((series) => series.includes(text));
}

/** The counters that are less than before, or not there any more. */
function fallen(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): readonly string[] {
  const counters = [...before].filter(([series]) => /_(total|count|sum|bucket)(\{|$)/.test(series));
  return counters.flatMap(([series, value]) => ((after.get(series) ?? -1) < value ? [series] : []));
}

/** Files are looked at at least so often, by the clock of the world. */
const POLL_MS = 5_000;

/** A world whose host runs what the files of a folder say. */
async function worldOfFiles(context: TestContext, config: string) {
  const functions = join(import.meta.dirname, "../../functions");
  const folder = await tempFolder(context, { "evenkeel.yaml": config });
  await mkdir(dirname(join(folder.path, "functions")), { recursive: true });
  await symlink(functions, join(folder.path, "functions"));
  const w = await world(context, { objects: [source("default/settings")], isDown: true });
  const states = new Arrivals<ProgramState>();
  const refusals = new Arrivals<Error>();
  const program = new Program({
    functionsDir: join(folder.path, "functions"),
    configFile: join(folder.path, "evenkeel.yaml"),
    isConfigOptional: false,
    builtInConfig: () => "",
    clock: w.clock,
    open: openInline,
    onChange: states.push,
    onRefused: refusals.push,
  });
  context.after(() => program.close());
  return { w, folder, program, states, refusals };
}

const bad: readonly { readonly name: string; readonly text: string }[] = [
  { name: "without prefixes", text: "functions: { mirror: {} }" },
  { name: "without a section for mirror", text: "functions: {}" },
  { name: "with an empty list of prefixes", text: "functions: { mirror: { prefixes: [] } }" },
  { name: "with an empty prefix", text: 'functions: { mirror: { prefixes: [""] } }' },
  { name: "with a pattern for a prefix", text: 'functions: { mirror: { prefixes: ["team-.*"] } }' },
  { name: "that is no YAML", text: "functions: { mirror: { prefixes: [team-" },
  { name: "that is empty", text: "" },
];

suite("a configuration file", () => {
  for (const { name, text } of bad) {
    test(`${name} does not start, and changes nothing when it comes later`, async (context) => {
      const { w, folder, program, states, refusals } = await worldOfFiles(
        context,
        "functions: { mirror: { prefixes: [team-] } }",
      );
      const first = await program.start();
      await w.bootWith(first);
      await w.converged();
      w.mark();
      await folder.replace("evenkeel.yaml", text);
      await w.advance(POLL_MS);
      await refusals.next();
      const state = await states.next();
      assert.equal(state.problems.length, 1, "readiness shows it");
      await w.applyState(state);
      await w.converged();
      assert.deepEqual(w.writes(), []);
      assert.deepEqual(await w.copies(), ["team-a/settings", "team-b/settings"]);
      await folder.replace("evenkeel.yaml", "functions: { mirror: { prefixes: [other] } }");
      await w.advance(POLL_MS);
      const good = await states.next();
      assert.deepEqual(good.problems, []);
      await w.applyState(good);
      await w.converged();
      assert.deepEqual(await w.copies(), ["other/settings"]);
      const other = await worldOfFiles(context, text);
      await assert.rejects(other.program.start(), { code: "CONFIG_INVALID" });
    });
  }
});
