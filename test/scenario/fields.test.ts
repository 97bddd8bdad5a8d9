/** Fields of objects that somebody else owns: set where they are free, waited for where there is no object, never taken. */
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { defineFunction, fields } from "../../runtime/reconcile/define.ts";
import { configMap } from "./objects.ts";
import type { Rule } from "./recorder.ts";
import { world, type World } from "./world.ts";

const MINUTE = 60_000;
const SECOND = 1_000;
const TARGET = "team-a/theirs";

/** Sets in team-a/theirs what a ConfigMap labelled dye=true says. */
const dye = defineFunction({
  watches: ConfigMap,
  where: { labels: { dye: "true" } },
  reads: [ConfigMap],
  writes: [fields(ConfigMap)],
  reconcile: ({ data = {} }) => ({
    apply: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "team-a", name: "theirs" }, data }],
  }),
});

const functions = { dye };
const pot = configMap("default/pot", { labels: { dye: "true" }, data: { colour: "blue" } });
const theirs = (data: Readonly<Record<string, string>>): ConfigMap => configMap(TARGET, { data });

/** A server that stores `blue` as `BLUE`. */
const inCapitals: Rule = ({ verb, body = "" }) =>
  verb === "apply" ? { do: "alter", body: body.replace("blue", "BLUE") } : undefined;

suite("fields of objects of others", () => {
  test("are set once, beside what is there, also after a restart", async (context) => {
    const w = await world(context, { functions, objects: [pot, theirs({ size: "big" })] });
    await w.converged();
    const { data, metadata } = (await w.get(ConfigMap, TARGET)) ?? assert.fail("it is gone");
    assert.deepEqual([data, metadata.labels], [{ size: "big", colour: "blue" }, undefined]);
    await w.restart();
    await w.advance(10 * MINUTE);
    assert.deepEqual(w.writes(), [`apply ${TARGET}`]);
  });

  test("that the server stores in another spelling are sent once more, however often their source is touched", async (context) => {
    const w = await world(context, { functions, rule: inCapitals, objects: [pot, theirs({ size: "big" })] });
    await w.converged();
    for (let i = 0; i < 20; i++) {
      const annotations = { tick: `${i}` };
      await w.update(ConfigMap, "default/pot", (it) => ({ ...it, metadata: { ...it.metadata, annotations } }));
      await w.advance(SECOND);
    }
    assert.deepEqual(w.writes(), [`apply ${TARGET}`, `apply ${TARGET}`]);
    assert.deepEqual((await w.get(ConfigMap, TARGET))?.data, { size: "big", colour: "BLUE" });
  });

  test("of an object that is absent are waited for: nothing comes into being, and its appearance wakes the key", async (context) => {
    const w = await world(context, { functions, objects: [pot] });
    await w.advance(10 * MINUTE);
    assert.deepEqual([w.writes(), await w.get(ConfigMap, TARGET)], [[], undefined]);
    assert.equal(w.runs.length, 1);
    await w.create(theirs({ size: "big" }));
    await w.advance(SECOND);
    assert.deepEqual((await w.get(ConfigMap, TARGET))?.data, { size: "big", colour: "blue" });
  });

  test("of an object that has just gone bring nothing back", async (context) => {
    const w = await world(context, { functions, objects: [pot, theirs({})] });
    await w.converged();
    w.mark();
    w.rule(({ verb }) => (verb === "apply" ? { do: "delay", delayMs: SECOND, clock: w.clock } : undefined));
    await w.update(ConfigMap, "default/pot", (it) => ({ ...it, data: { colour: "red" } }));
    await w.advance(SECOND / 2);
    await w.delete(ConfigMap, TARGET);
    await w.advance(MINUTE);
    assert.deepEqual(
      w.writeRequests().map(({ verb, status }) => `${verb} ${status}`),
      ["apply 409"],
    );
    assert.equal(await w.get(ConfigMap, TARGET), undefined);
  });

  test("that another manager holds stay as they are, and one Event says whose they are", async (context) => {
    const w = await world(context, { functions, objects: [pot, theirs({ colour: "red" })] });
    await w.advance(10 * MINUTE);
    assert.deepEqual((await w.get(ConfigMap, TARGET))?.data, { colour: "red" });
    assert.deepEqual(await w.events(), ["WriteRefused on default/pot"]);
    const [said] = await w.eventTexts();
    assert.match(said ?? "", /conflict with .*\.data\.colour.*takes none from another/);
    assert.ok(w.writes().length < 15, `${w.writes().length} tries`);
    await w.update(ConfigMap, TARGET, (it) => ({ ...it, data: { size: "big" } }));
    await w.advance(6 * MINUTE);
    assert.deepEqual((await w.get(ConfigMap, TARGET))?.data, { size: "big", colour: "blue" });
  });

  test("that somebody changes after us are that one's from then on", async (context) => {
    const w = await world(context, { functions, objects: [pot, theirs({})] });
    await w.converged();
    await w.update(ConfigMap, TARGET, (it) => ({ ...it, data: { colour: "green" } }));
    await w.advance(10 * MINUTE);
    assert.deepEqual((await w.get(ConfigMap, TARGET))?.data, { colour: "green" });
    assert.deepEqual(await w.events(), ["WriteRefused on default/pot"]);
  });
});

test("an object that two keys write to keeps neither waiting longer than the cache takes to show it", async (context) => {
  const w = await world(context, { functions, objects: [theirs({})] });
  await w.converged();
  w.delayWatches(300);
  const labels = { dye: "true" };
  await w.create(...["p1", "p2"].map((name) => configMap(`default/${name}`, { labels, data: { colour: "red" } })));
  await w.advance(2 * SECOND);
  assert.equal(w.machine.functions.all.get("dye")?.controller.queue.processingCount, 0);
});

/** Each ConfigMap labelled dye=true sets in team-a/theirs what `wish` makes of its name. The keys' requests meet. */
async function meeting(
  context: TestContext,
  wish: (name: string) => { readonly data?: Record<string, string>; readonly annotations?: Record<string, string> },
): Promise<World> {
  const stamp = defineFunction({
    watches: ConfigMap,
    where: { labels: { dye: "true" } },
    reads: [ConfigMap],
    writes: [fields(ConfigMap)],
    reconcile({ metadata: { name } }) {
      const { data = {}, annotations = {} } = wish(name);
      const metadata = { namespace: "team-a", name: "theirs", annotations };
      return { apply: [{ apiVersion: "v1", kind: "ConfigMap", metadata, data }] };
    },
  });
  const keys = ["one", "two"].map((name) => configMap(`default/${name}`, { labels: { dye: "true" } }));
  const made: World = await world(context, {
    functions: { stamp },
    objects: [theirs({ size: "big" }), ...keys],
    rule: ({ verb }) => (verb === "apply" ? { do: "delay", delayMs: 20, clock: made.clock } : undefined),
  });
  await made.advance(MINUTE);
  return made;
}

suite("one object that several keys of a function apply to", () => {
  test("keeps what each of them names", async (context) => {
    const w = await meeting(context, (name) => ({ annotations: { [name]: "1" } }));
    const { metadata } = (await w.get(ConfigMap, TARGET)) ?? assert.fail("it is gone");
    assert.deepEqual(metadata.annotations, { one: "1", two: "1" });
    assert.equal(w.writes().length, 2);
  });

  test("keeps a field that both want with the one who came first, and the other is told whose it is", async (context) => {
    const w = await meeting(context, (name) => ({ data: { by: name } }));
    const { data } = (await w.get(ConfigMap, TARGET)) ?? assert.fail("it is gone");
    assert.deepEqual(await w.events(), [`WriteRefused on default/${data?.["by"] === "one" ? "two" : "one"}`]);
    assert.ok(w.writes().length < 10, `${w.writes().length} writes`);
  });

  test("loses a field that a key names no more, and no other", async (context) => {
    const w = await world(context, { functions, objects: [pot, theirs({ size: "big" })] });
    await w.converged();
    await w.update(ConfigMap, "default/pot", (it) => ({ ...it, data: { shade: "dark" } }));
    await w.converged();
    assert.deepEqual((await w.get(ConfigMap, TARGET))?.data, { size: "big", shade: "dark" });
  });

  test("is none of that function's own children: what is applied to one would take our marks off", async (context) => {
    const child = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "team-a", name: "theirs" } } as const;
    const both = defineFunction({
      watches: ConfigMap,
      where: { labels: { dye: "true" } },
      reads: [ConfigMap],
      writes: [ConfigMap, fields(ConfigMap)],
      reconcile: () => ({ children: [child], apply: [child] }),
    });
    const w = await world(context, { functions: { both }, objects: [pot] });
    await w.advance(SECOND);
    assert.equal(w.runs[0]?.settled.error?.code, "EFFECT_INVALID");
    assert.deepEqual(w.writes(), []);
  });
});
