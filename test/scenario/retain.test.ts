/** A source that asks for its copies to outlive it, and how late it may ask. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import cleanupOnDelete from "../../functions/cleanup-on-delete.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { asking, RETAIN, source } from "./objects.ts";
import { denial } from "./refusal.ts";
import { shipped, world, type World } from "./world.ts";

const MINUTE = 60_000;
const many = Array.from({ length: 100 }, (_, i) => `team-${i}`);
const unlabelled = (it: ConfigMap): ConfigMap => ({ ...it, metadata: { ...it.metadata, labels: {} } });

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
    const retained = source("default/settings", { data: { a: "1" }, annotations: RETAIN });
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
    const w = await world(context, { namespaces: many, objects: [source("default/settings")] });
    await w.converged();
    w.rule(({ method }) => (method === "GET" ? undefined : { do: "delay", delayMs: 50, clock: w.clock }));
    w.mark();
    await w.update(ConfigMap, "default/settings", asking);
    await w.advance(150);
    assert.ok(w.writes().length < 100, "not every copy is written yet");
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    for (const name of many) assert.ok(await w.get(ConfigMap, `${name}/settings`), name);
    assert.deepEqual(await w.copies(), []);
  });

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
    const retained = source("default/settings", { annotations: RETAIN });
    const w = await world(context, { objects: [retained] });
    await w.converged();
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, metadata: { ...it.metadata, annotations: {} } }));
    await w.converged();
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    assert.equal(await w.get(ConfigMap, "team-a/settings"), undefined);
  });
});
