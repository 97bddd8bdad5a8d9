/** Which copies go, and which are none. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { effectsOf } from "#evenkeel/testing";
import cleanup from "../../functions/cleanup-on-delete.ts";
import { objectKey, type StoredObject } from "../../runtime/kube/object.ts";
import { formatQuery } from "../../runtime/kube/query.ts";
import type { Effects } from "../../runtime/reconcile/effects.ts";
import { runTwice } from "../../runtime/reconcile/run.ts";
import { answerOf, childOf, configMap, namespace, planned, runnable, said } from "../reconcile/builders.ts";

const mirrored = { labels: { mirror: "true" } };
const source = configMap("default/settings", mirrored);
const copy = childOf(source, "mirror", configMap("team-a/settings"));
const retain = { "evenkeel.dev/retain": "true" };
const asking = configMap("default/settings", { ...mirrored, annotations: retain });
const marked = childOf(asking, "mirror", configMap("team-a/settings", { annotations: retain }));
const { labels = {}, annotations = {} } = copy.metadata;

const run = (object: StoredObject, others: readonly StoredObject[], departed: readonly StoredObject[] = []): Effects =>
  effectsOf(cleanup, { object, others, departed });

/** `deletions team-a/settings` */
function wished(effects: Effects): readonly string[] {
  return Object.entries(effects).flatMap(([effect, objects]) =>
    (objects as readonly StoredObject[]).map(({ metadata }) => `${effect} ${objectKey(metadata)}`),
  );
}

interface Row {
  readonly name: string;
  readonly copy?: StoredObject;
  readonly world: readonly StoredObject[];
  readonly departed?: readonly StoredObject[];
  readonly wants: readonly string[];
}

const rows: readonly Row[] = [
  { name: "B16 a copy whose source is there stays", world: [source], wants: [] },
  {
    name: "B17 a copy whose source is gone goes, also when nobody saw it go",
    world: [],
    wants: ["deletions team-a/settings"],
  },
  {
    name: "B20 a copy whose source lost its label goes",
    world: [configMap("default/settings")],
    wants: ["deletions team-a/settings"],
  },
  {
    name: "B20 a copy whose source is labelled otherwise goes",
    world: [configMap("default/settings", { labels: { mirror: "false" } })],
    wants: ["deletions team-a/settings"],
  },
  {
    name: "B10 another source of the same namespace does not hold it",
    world: [configMap("default/options", mirrored)],
    wants: ["deletions team-a/settings"],
  },
  {
    name: "B29 a source of the same name elsewhere does not hold it",
    world: [configMap("shared/settings", mirrored)],
    wants: ["deletions team-a/settings"],
  },
  {
    name: "B30 a source whose namespace went went with it",
    world: [namespace("team-a")],
    wants: ["deletions team-a/settings"],
  },
  {
    name: "a source that was made anew holds it: mirror takes it over",
    world: [configMap("default/settings", { ...mirrored, uid: "new" })],
    wants: [],
  },
  {
    name: "a source on its way out still holds it",
    world: [configMap("default/settings", { ...mirrored, deletionTimestamp: "2026-01-01T00:00:00Z" })],
    wants: [],
  },
  {
    name: "B50 a copy that is to be retained is let go",
    copy: marked,
    world: [],
    wants: ["releases team-a/settings"],
  },
  {
    name: "B50 as is one that does not show yet what its source asked for last",
    world: [],
    departed: [asking],
    wants: ["releases team-a/settings"],
  },
  {
    name: "B50 a wish that its source took back last does not count, though the copy still shows it",
    copy: marked,
    world: [],
    departed: [source],
    wants: ["deletions team-a/settings"],
  },
  {
    name: "B50 but not while its source is there",
    copy: marked,
    world: [source],
    wants: [],
  },
  {
    name: "B01 an object with our label alone is left alone",
    copy: configMap("team-a/settings", { labels }),
    world: [],
    wants: [],
  },
  {
    name: "B01 a copy made by hand of a copy is left alone",
    copy: configMap("mine/settings", { labels, annotations }),
    world: [],
    wants: [],
  },
  {
    name: "B01 a copy made by hand under another name is left alone",
    copy: configMap("team-a/backup", { labels, annotations }),
    world: [],
    wants: [],
  },
  {
    name: "a child of an owner of another kind is left alone",
    copy: childOf(namespace("team-a"), "mirror", configMap("team-a/settings")),
    world: [],
    wants: [],
  },
  {
    name: "B35 a source that has become a copy, and so is not mirrored, holds it no more",
    world: [childOf(configMap("shared/settings", mirrored), "mirror", configMap("default/settings", mirrored))],
    wants: ["deletions team-a/settings"],
  },
  {
    name: "B35 whatever it is a copy of",
    world: [childOf(namespace("default"), "mirror", configMap("default/settings", mirrored))],
    wants: ["deletions team-a/settings"],
  },
  {
    name: "what another function made is a source like any other",
    world: [childOf(namespace("default"), "defaults", configMap("default/settings", mirrored))],
    wants: [],
  },
  {
    name: "B35 a copy that somebody labelled mirror=true is no source of itself",
    copy: childOf(source, "mirror", configMap("team-a/settings", mirrored)),
    world: [childOf(source, "mirror", configMap("team-a/settings", mirrored))],
    wants: ["deletions team-a/settings"],
  },
];

const unwatched = [
  { name: "B01 an object with our annotations alone", object: configMap("team-a/settings", { annotations }) },
  { name: "a child of another function", object: childOf(source, "other", configMap("team-a/settings")) },
];

suite("cleanup-on-delete", () => {
  for (const { name, copy: object = copy, world, departed, wants } of rows) {
    test(name, () => {
      assert.deepEqual(wished(run(object, world, departed)), wants);
    });
  }

  for (const { name, object } of unwatched) {
    test(`${name} is never looked at`, () => {
      assert.throws(() => run(object, []), { code: "FUNCTION_INVALID", what: /^it watches / });
    });
  }

  test("asks for its source alone, so that this source alone wakes it", () => {
    const { reads } = runTwice(runnable("cleanup-on-delete", cleanup), {
      object: copy,
      now: 0,
      memo: undefined,
      answer: answerOf([]),
    });
    const said = reads.map(({ query, count }) => `${formatQuery(query)} → ${count}`);
    const id = "v1/ConfigMap default/settings [mirror=true]";
    assert.deepEqual(said, [`${id} (metadata) → 0`, `${id} (departed) → 0`]);
  });
  test("B08 deletes the very object that it looked at", () => {
    const effects = run(copy, []);
    const replaced = childOf(source, "mirror", configMap("team-a/settings", { uid: "another" }));
    assert.deepEqual(planned(effects, source, [copy]).writes.map(said), ["delete v1/ConfigMap team-a/settings"]);
    assert.deepEqual(planned(effects, source, [replaced]).writes, []);
  });
});
