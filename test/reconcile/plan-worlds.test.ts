/** In no world at all does a plan hit what is not provably ours. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { describe, objectId } from "../../runtime/kube/kind.ts";
import { objectKey, type StoredObject } from "../../runtime/kube/object.ts";
import type { Effects } from "../../runtime/reconcile/effects.ts";
import type { Plan, Write } from "../../runtime/reconcile/plan.ts";
import { isChildOf, provenanceOf, stamp } from "../../runtime/reconcile/provenance.ts";
import { configMap, namespace, planned, said, wish } from "./builders.ts";

const source = configMap("default/settings", { uid: "u1" });

/** Objects in all states of being ours: proven, of others, tampered with, copied by hand, on their way out. */
const keys = ["team-a/settings", "team-b/settings", "team-a/other", "team-c/settings"] as const;
const owners: readonly StoredObject[] = [
  source,
  configMap("other/settings"),
  namespace("team-a"),
  configMap("default/settings", { uid: "u0" }),
];
const marks = ["evenkeel.dev/owner", "evenkeel.dev/owner-uid", "evenkeel.dev/self"];

const anyObject: fc.Arbitrary<StoredObject> = fc
  .record({
    key: fc.constantFrom(...keys),
    markedAs: fc.constantFrom(...keys),
    isHonest: fc.boolean(),
    owner: fc.constantFrom(...owners),
    by: fc.constantFrom("mirror", "other", ""),
    tamper: fc.option(fc.tuple(fc.constantFrom(...marks), fc.constantFrom("", "x", "ConfigMap/default/settings"))),
    isMarked: fc.boolean(),
    isDying: fc.boolean(),
    immutable: fc.boolean(),
    value: fc.constantFrom("1", "2"),
    version: fc.integer({ min: 1, max: 99 }),
  })
  .map(({ key, markedAs, isHonest, owner, by, tamper, isMarked, isDying, immutable, value, version }) => {
    const meta = {
      uid: `uid ${key} ${version}`,
      resourceVersion: `${version}`,
      ...(isDying && { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    };
    const plain = configMap(key, { ...meta, data: { a: value }, immutable });
    if (!isMarked) return plain;
    const { labels = {}, annotations = {} } = stamp(isHonest ? plain : configMap(markedAs), by, owner).metadata;
    return configMap(key, {
      ...meta,
      data: { a: value },
      immutable,
      labels,
      annotations: tamper === null ? annotations : { ...annotations, [tamper[0]]: tamper[1] },
    });
  });

const anyWorld = fc.uniqueArray(anyObject, { selector: ({ metadata }) => objectKey(metadata), maxLength: 4 });
const anyEffects = fc.record(
  { children: fc.subarray([...keys]), deletions: fc.subarray([...keys]), releases: fc.subarray([...keys]) },
  { requiredKeys: [] },
);

type Objects = ReadonlyMap<string, StoredObject>;

/** `holds` throws where a plan does what it must not. */
function inAllWorlds(holds: (result: Plan, objects: Objects, wished: Effects) => void): void {
  const property = fc.property(anyWorld, anyEffects, (world, { children, deletions, releases }) => {
    const at = (wanted: readonly string[]): readonly StoredObject[] =>
      world.filter(({ metadata }) => wanted.includes(objectKey(metadata)));
    const effects: Effects = {
      ...(children && { children: children.map((key) => wish(key)) }),
      ...(deletions && { deletions: at(deletions) }),
      ...(releases && { releases: at(releases) }),
    };
    holds(planned(effects, source, world), new Map(world.map((object) => [describe(object), object])), effects);
  });
  fc.assert(property, { numRuns: 2_000 });
}

function atTarget(objects: Objects, { kind, name }: Write): StoredObject | undefined {
  return objects.get(objectId(kind, objectKey(name)));
}

suite("plan: in all worlds", () => {
  test("nothing is updated or replaced but this key's own proven children", () => {
    inAllWorlds(({ writes }, objects) => {
      for (const write of writes) {
        const have = atTarget(objects, write);
        if (write.verb === "create") assert.equal(have, undefined);
        if (write.verb === "update" || write.verb === "replace")
          assert.ok(have && isChildOf(have, "mirror", source), said(write));
      }
    });
  });

  test("nothing is deleted or let go but what is proven ours, with the uid and version that were seen", () => {
    inAllWorlds(({ writes }, objects) => {
      for (const write of writes) {
        const have = atTarget(objects, write);
        if (write.verb === "delete") {
          assert.ok(have && provenanceOf(have), said(write));
          assert.deepEqual([write.uid, write.resourceVersion], [have.metadata.uid, have.metadata.resourceVersion]);
        }
        if (write.verb === "release") assert.ok(have && provenanceOf(have), said(write));
      }
    });
  });

  test("only what is named goes: by omission this key's own children, by name the objects named", () => {
    inAllWorlds(({ writes }, objects, { children, deletions = [] }) => {
      const named = new Set(deletions.map((reference) => describe(reference)));
      for (const write of writes) {
        const have = atTarget(objects, write);
        if (write.verb !== "delete" || have === undefined || named.has(describe(have))) continue;
        assert.ok(children !== undefined && isChildOf(have, "mirror", source), said(write));
      }
    });
  });

  test("no object is written twice, unless a wish contradicts itself", () => {
    inAllWorlds(({ writes }, _objects, { children = [], deletions = [], releases = [] }) => {
      const wished = [...children.map(describe), ...deletions.map(describe), ...releases.map(describe)];
      if (new Set(wished).size < wished.length) return;
      const targets = writes.map(({ kind, name }) => objectId(kind, objectKey(name)));
      assert.equal(new Set(targets).size, targets.length, String(targets));
    });
  });
});
