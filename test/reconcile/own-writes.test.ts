/** What a key has written and the cache has not shown yet, and which changes only echo it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap, kindKey, objectId } from "../../runtime/kube/kind.ts";
import { compareResourceVersions, objectKey, type StoredObject } from "../../runtime/kube/object.ts";
import { stamp } from "../../runtime/reconcile/provenance.ts";
import { OwnWrites, type Seen } from "../../runtime/reconcile/own-writes.ts";
import { configMap } from "./builders.ts";

/** A cache that has come as far as `version`, and holds these objects. */
function cacheAt(version: string, ...objects: readonly StoredObject[]): Seen {
  return {
    hasSeen: (_kind, _name, wanted) => (compareResourceVersions(version, wanted) ?? 0) >= 0,
    find: (kind, name) =>
      objects.find((object) => kindKey(object) === kindKey(kind) && objectKey(object.metadata) === objectKey(name)),
  };
}

const name = { namespace: "team-a", name: "settings" };
const ID = "v1/ConfigMap team-a/settings";
const bare = (version: string, meta: Partial<StoredObject["metadata"]> = {}): StoredObject =>
  configMap("team-a/settings", { resourceVersion: version, uid: "u1", ...meta });
const marked = (object: StoredObject): StoredObject => stamp(object, "mirror", configMap("default/settings"));
const copy = (version: string, uid = "u1"): StoredObject => marked(bare(version, { uid }));
const dying = (version: string): StoredObject => marked(bare(version, { deletionTimestamp: "2026-01-01T00:00:00Z" }));

interface Row {
  readonly name: string;
  readonly cache: Seen;
  readonly unseen: readonly string[];
}

function holds(act: (own: OwnWrites) => void, { name, cache, unseen }: Row): void {
  test(name, () => {
    const own = new OwnWrites();
    act(own);
    own.look(cache);
    assert.deepEqual([...own.unseen], unseen);
  });
}

suite("own writes: an object that was written", () => {
  const rows: readonly Row[] = [
    { name: "is waited for while the cache is behind", cache: cacheAt("9", copy("5")), unseen: [ID] },
    { name: "is seen when the cache has that version", cache: cacheAt("10", copy("10")), unseen: [] },
    { name: "is seen when the cache is past it, whatever became of the object", cache: cacheAt("11"), unseen: [] },
  ];
  for (const row of rows) holds((own) => own.wrote(ConfigMap, name, "10"), row);
});

suite("own writes: an object that was deleted or let go", () => {
  const rows: readonly Row[] = [
    { name: "is waited for while the cache has it", cache: cacheAt("99", copy("5")), unseen: [ID] },
    { name: "is seen when it is on its way out, whatever holds it", cache: cacheAt("99", dying("50")), unseen: [] },
    { name: "is seen when it carries our marks no more", cache: cacheAt("99", bare("50")), unseen: [] },
    { name: "is seen when it is gone", cache: cacheAt("9"), unseen: [] },
    { name: "is seen when another one has its name", cache: cacheAt("9", copy("12", "u2")), unseen: [] },
  ];
  for (const row of rows) holds((own) => own.removed(ConfigMap, name, "u1"), row);
});

const wrote = (own: OwnWrites): void => own.wrote(ConfigMap, name, "10");
const removed = (own: OwnWrites): void => own.removed(ConfigMap, name, "u1");

suite("own writes", () => {
  test("of several objects, only what is looked at counts", () => {
    const own = new OwnWrites();
    own.wrote(ConfigMap, name, "10");
    own.wrote(ConfigMap, { namespace: "team-b", name: "settings" }, "11");
    own.look(cacheAt("20"), ID);
    assert.deepEqual([...own.unseen], ["v1/ConfigMap team-b/settings"]);
    own.look(cacheAt("20"));
    assert.equal(own.unseen.size, 0);
  });

  test("a second write to an object is waited for anew", () => {
    const own = new OwnWrites();
    own.wrote(ConfigMap, name, "10");
    own.look(cacheAt("10"));
    own.wrote(ConfigMap, name, "20");
    own.look(cacheAt("15"));
    assert.deepEqual([...own.unseen], [ID]);
  });

  const rows: readonly {
    readonly name: string;
    readonly act: (own: OwnWrites) => void;
    readonly change: { readonly before?: StoredObject; readonly after?: StoredObject };
    readonly isEcho: boolean;
  }[] = [
    { name: "the version we wrote", act: wrote, change: { after: copy("10") }, isEcho: true },
    {
      name: "a later version: somebody else was there",
      act: wrote,
      change: { before: copy("10"), after: copy("11") },
      isEcho: false,
    },
    { name: "an earlier version", act: wrote, change: { after: copy("9") }, isEcho: false },
    { name: "its deletion by somebody else", act: wrote, change: { before: copy("10") }, isEcho: false },
    { name: "the deletion we asked for", act: removed, change: { before: copy("5") }, isEcho: true },
    {
      name: "the deletion of another one of that name",
      act: removed,
      change: { before: copy("5", "u2") },
      isEcho: false,
    },
    {
      name: "a change before the deletion we asked for",
      act: removed,
      change: { before: copy("5"), after: copy("6") },
      isEcho: false,
    },
    {
      name: "that it is on its way out, as we asked",
      act: removed,
      change: { before: copy("5"), after: dying("6") },
      isEcho: true,
    },
    { name: "that we let it go", act: removed, change: { before: copy("5"), after: bare("6") }, isEcho: true },
    {
      name: "a change of an object that we did not write",
      act: () => {},
      change: { after: copy("10") },
      isEcho: false,
    },
  ];
  for (const { name, act, change, isEcho } of rows) {
    test(`${isEcho ? "an echo is" : "no echo is"} ${name}`, () => {
      const own = new OwnWrites();
      act(own);
      assert.equal(own.isEcho(ID, change as never), isEcho);
    });
  }

  test("objects are named by kind, namespace and name", () => {
    assert.equal(objectId(ConfigMap, "team-a/settings"), ID);
  });
});
