/** An immutable copy gives way to another: when, at whose word, and to whom that is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { source } from "./objects.ts";
import { refusal } from "./refusal.ts";
import { world, type World } from "./world.ts";

const MINUTE = 60_000;

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

test("a replacement that would be refused leaves what it was to replace, and says so, until it is let pass", async (context) => {
  const w = await world(context, {
    objects: [source("default/settings", { immutable: true, data: { colour: "old" } })],
  });
  await w.converged();
  let isRefused = true;
  w.rule(({ verb, key }) =>
    isRefused && verb === "create" && key === "team-a/settings"
      ? refusal(403, "Forbidden", "a policy says no")
      : undefined,
  );
  const colours = async (): Promise<readonly unknown[]> =>
    Promise.all(
      ["team-a", "team-b"].map(async (team) => (await w.get(ConfigMap, `${team}/settings`))?.data?.["colour"]),
    );
  await w.delete(ConfigMap, "default/settings");
  await w.create(source("default/settings", { immutable: true, data: { colour: "new" } }));
  await w.advance(MINUTE);
  assert.deepEqual(await colours(), ["old", "new"]);
  assert.match((await w.eventTexts()).join(), /a policy says no/);
  isRefused = false;
  await w.advance(10 * MINUTE);
  assert.deepEqual(await colours(), ["new", "new"]);
});

const fixed = (colour: string, immutable = true): ConfigMap =>
  source("default/settings", { immutable, data: { colour } });
const withFinalizers = (finalizers: readonly string[]) => (it: ConfigMap) => ({
  ...it,
  metadata: { ...it.metadata, finalizers },
});
const successions: readonly {
  readonly name: string;
  readonly first?: ConfigMap;
  readonly change: (w: World) => Promise<void>;
  readonly isTold: boolean;
}[] = [
  { name: "at once", change: (w) => anew(w, 0), isTold: true },
  { name: "when the copy has gone with the former source", change: (w) => anew(w, 1_000), isTold: true },
  {
    name: "when somebody lets go of the former copy",
    async change(w) {
      await w.update(ConfigMap, "team-a/settings", withFinalizers(["example.com/hold"]));
      await anew(w, 0);
      await w.advance(MINUTE);
      await w.update(ConfigMap, "team-a/settings", withFinalizers([]));
    },
    isTold: true,
  },
  { name: "by the same content", change: (w) => anew(w, 1_000, fixed("old")), isTold: false },
  { name: "and kubelets watched it", first: fixed("old", false), change: (w) => anew(w, 1_000), isTold: false },
  { name: "long after it went", change: (w) => anew(w, 11 * MINUTE), isTold: false },
];

async function anew(w: World, afterMs: number, next = fixed("new")): Promise<void> {
  await w.delete(ConfigMap, "default/settings");
  await w.advance(afterMs);
  await w.create(next);
}

for (const { name, first = fixed("old"), change, isTold } of successions)
  test(`a copy is replaced ${name}: pods that have it ${isTold ? "need a restart, and that is told" : "are no news"}`, async (context) => {
    const w = await world(context, { namespaces: ["team-a"], objects: [first] });
    await w.converged();
    await change(w);
    await w.converged();
    assert.deepEqual((await w.events()).includes("Replaced on default/settings"), isTold);
  });
