/** What is not provably ours is never written and never deleted, while the host is up. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { becomes } from "../../support/wait.ts";
import { CONTENT, OTHER, UP_A, UP_B, type Behaviour, type Content, type Marks } from "./corner.ts";

const MINE: Content = { data: { mine: "yes" } };

/** Objects in the way of a copy, each in `team-up-a` under the name of its source. */
export const strangers: readonly { readonly what: string; readonly content: Content; readonly marks: Marks }[] = [
  { what: "bare", content: MINE, marks: {} },
  { what: "empty", content: {}, marks: {} },
  { what: "annotated", content: MINE, marks: { labels: { app: "x" }, annotations: { note: "hands off" } } },
  { what: "marked", content: MINE, marks: { labels: { "evenkeel.dev/function": "mirror" } } },
  {
    what: "copied-by-hand",
    content: MINE,
    marks: {
      labels: { "evenkeel.dev/function": "mirror" },
      annotations: {
        "evenkeel.dev/owner": "ConfigMap/source-b01/b01-copied-by-hand",
        "evenkeel.dev/owner-uid": "b1946ac9-2492-4d23-8f2b-000000000001",
        "evenkeel.dev/self": "ConfigMap/team-up-b/b01-copied-by-hand",
      },
    },
  },
];

/** Each cluster, or each service mesh, writes these itself. */
export const RESERVED = ["kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert"] as const;

/** No prefix of the configuration begins these. */
export const OUTSIDE: ReadonlySet<string> = new Set(["xteam-up-a", "team-up", "team-upa", "tea"]);

export const neverDestroy: readonly Behaviour[] = [
  {
    id: "B01",
    name: "an object that is not ours survives, told once, and the others get their copies",
    async run(it) {
      const all = strangers.map(({ what, content, marks }) => ({ name: `${it.name}-${what}`, content, marks }));
      for (const { name, content, marks } of all) {
        await it.create(UP_A, content, marks, name);
        await it.source(CONTENT, {}, name);
      }
      const before = await Promise.all(all.map(({ name }) => it.get(UP_A, name)));
      for (const { name } of all) await it.copied(CONTENT, name, [UP_B]);
      await it.stage.admin.send("PATCH", `/api/v1/namespaces/${UP_A}`, { metadata: { labels: { tier: "gold" } } });
      for (const { name } of all) {
        await it.patch(it.home, OTHER, name);
        await it.copied(OTHER, name, [UP_B]);
        await it.told("NotOurs", /ConfigMap team-up-a\/.* exists and is not ours/, name);
      }
      const gauge = async (): Promise<boolean> =>
        /^evenkeel_conflicts\{controller="mirror"\} 5$/m.test(await it.stage.metrics());
      await becomes(gauge, true);
      assert.deepEqual(await Promise.all(all.map(({ name }) => it.get(UP_A, name))), before);
    },
  },
  {
    id: "B03",
    name: "a source whose own namespace matches is never written",
    async run(it) {
      await it.create(UP_A, CONTENT, { labels: { mirror: "true" } });
      const before = await it.get(UP_A);
      await it.copied(
        CONTENT,
        it.name,
        it.targets.filter((target) => target !== UP_A),
      );
      await it.costsNoWrite(async () => undefined);
      assert.deepEqual(await it.get(UP_A), before);
    },
  },
  {
    id: "B08",
    name: "what takes a copy's place between decision and call survives the deletion",
    async run(it) {
      const replaced = Array.from({ length: 8 }, (_, i) => ({ name: `${it.name}-${i}`, afterMs: 200 + i * 25 }));
      for (const { name } of replaced) await it.source(CONTENT, {}, name);
      for (const { name } of replaced) await it.copied(CONTENT, name);
      await Promise.all(
        replaced.map(async ({ name, afterMs }) => {
          await it.delete(it.home, name);
          await delay(afterMs);
          await it.delete(UP_A, name);
          await it.create(UP_A, MINE, {}, name);
        }),
      );
      for (const { name } of replaced) await it.uncopied(name);
      for (const { name } of replaced) assert.deepEqual((await it.get(UP_A, name))?.data, MINE.data);
    },
  },
  {
    id: "B10",
    name: "a source that is deleted takes its own copies with it and no other's",
    async run(it) {
      const [one, two] = [`${it.name}-one`, `${it.name}-two`];
      for (const name of [one, two]) await it.source(CONTENT, {}, name);
      for (const name of [one, two]) await it.copied(CONTENT, name);
      await it.costsNoWrite(async () => {
        await it.delete(it.home, one);
        await it.uncopied(one);
      }, two);
      await it.copied(CONTENT, two);
    },
  },
  {
    id: "B11",
    name: "a prefix means the namespaces whose names begin with it, letter by letter, and no others",
    async run(it) {
      for (const name of OUTSIDE) await it.stage.admin.namespace(name);
      const target = await it.target();
      await it.source();
      await it.copied(CONTENT, it.name, [UP_A, UP_B, target]);
      const outside = (await it.writes()).filter(({ namespace }) => OUTSIDE.has(namespace));
      assert.deepEqual(outside, []);
    },
  },
  {
    id: "B13",
    name: "what the cluster itself writes into every namespace is refused with an Event",
    async run(it) {
      for (const name of RESERVED) await it.source(CONTENT, {}, name);
      for (const name of RESERVED) {
        await it.told("Refused", /is written by the cluster itself and is not mirrored/, name);
        assert.deepEqual(await it.writes(name), []);
      }
    },
  },
  {
    id: "B15",
    name: "a source outside the allowed namespaces is refused with an Event",
    async run(it) {
      const [rogue, name] = ["rogue", `${it.name}-rogue`];
      await it.stage.admin.namespace(rogue);
      await it.create(rogue, CONTENT, { labels: { mirror: "true" } }, name);
      await it.told("Refused", /sources in namespace rogue are not allowed/, name, rogue);
      await it.source();
      await it.copied();
      assert.deepEqual(await it.writes(name), []);
    },
  },
];
