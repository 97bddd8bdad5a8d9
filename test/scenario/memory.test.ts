/** What the host asks for and keeps while it mirrors: one watch for each thing, and no body that no function reads. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { source } from "./objects.ts";
import { shipped, world, type World } from "./world.ts";

const { mirror, "cleanup-on-delete": cleanup } = shipped;
const objects = [source("default/settings", { data: { a: "1" } })];

/** What is watched, as `configmaps mirror=true`; once for each watch that was begun anew. */
function watches(w: World): readonly string[] {
  return w.requests
    .filter(({ verb, path }) => verb === "watch" && path.includes("sendInitialEvents"))
    .map(({ resource, path }) => {
      const labels = new URLSearchParams(path.split("?")[1]).get("labelSelector");
      return labels === null ? resource : `${resource} ${labels}`;
    })
    .toSorted();
}

suite("memory", () => {
  const orders = {
    "mirror first": { mirror, "cleanup-on-delete": cleanup },
    "cleanup-on-delete first": { "cleanup-on-delete": cleanup, mirror },
  };
  for (const [name, functions] of Object.entries(orders))
    test(`sources, copies and namespaces are watched once each, ${name}`, async (context) => {
      const w = await world(context, { functions, objects });
      await w.converged();
      assert.deepEqual(await w.copies(), ["team-a/settings", "team-b/settings"]);
      assert.deepEqual(watches(w), [
        "configmaps evenkeel.dev/function=cleanup-on-delete",
        "configmaps evenkeel.dev/function=mirror",
        "configmaps mirror=true",
        "namespaces",
      ]);
    });

  test("of copies and namespaces no body is kept", async (context) => {
    const w = await world(context, { objects });
    await w.converged();
    const bodies = w.machine.informers.all().flatMap(({ query, store }) =>
      store
        .read({})
        .filter((object) => Object.keys(object).length > 3)
        .map(({ metadata }) => `${query.kind.kind} ${metadata.name}`),
    );
    assert.deepEqual(bodies, ["ConfigMap settings"]);
  });

  test("after a restart, copies that are as they should be cost no write; one that was tampered with costs one", async (context) => {
    const w = await world(context, { objects });
    await w.converged();
    await w.stop();
    await w.update(ConfigMap, "team-b/settings", (it) => ({ ...it, data: { a: "2" } }));
    w.mark();
    await w.boot();
    await w.converged();
    assert.deepEqual(w.writes(), ["update team-b/settings"]);
    assert.deepEqual(await w.contents(), { "team-a/settings": { a: "1" }, "team-b/settings": { a: "1" } });
    w.mark();
    await w.restart();
    await w.converged();
    assert.deepEqual(w.writes(), []);
  });
});
