/** What a store holds after events and lists, what it tells, and how it is read. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { isImmutable, keptDigest, withDigestOnly } from "../../runtime/cache/content.ts";
import { Store, type Change } from "../../runtime/cache/store.ts";
import type { WatchEvent } from "../../runtime/kube/api.ts";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { compareResourceVersions, objectKey, type StoredObject } from "../../runtime/kube/object.ts";
import { matches, select, type Where } from "../../runtime/kube/query.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { anyKey, anyLabels, anyWhere } from "./support/arbitraries.ts";
import { added, bookmark, deleted, modified, object, versions } from "./support/objects.ts";

/** `key: before → after (origin)`, uids left out. */
function told(changes: readonly Change[]): readonly string[] {
  return changes.map(({ key, before, after, origin }) => {
    const [from, to] = [before, after].map((object) => object?.metadata.resourceVersion ?? "-");
    return `${key}: ${from} → ${to} (${origin})`;
  });
}

/** Holds a at 3 and b at 5, seen up to 7. */
function storeOfAB(where: Where = {}): Store {
  const store = new Store(select(ConfigMap, where));
  store.replace([object("a", 3), object("b", 5)], "7");
  return store;
}

const events: readonly {
  readonly name: string;
  readonly event: WatchEvent;
  readonly tells: readonly string[];
  readonly version: string;
}[] = [
  { name: "an object is added", event: added("c", 8), tells: ["c: - → 8 (watch)"], version: "8" },
  { name: "an object is changed", event: modified("a", 8), tells: ["a: 3 → 8 (watch)"], version: "8" },
  { name: "an object is deleted", event: deleted("a", 8), tells: ["a: 3 → - (watch)"], version: "8" },
  {
    name: "a deletion without a version of its own counts",
    event: deleted("b", 5),
    tells: ["b: 5 → - (watch)"],
    version: "7",
  },
  { name: "a bookmark moves the version alone", event: bookmark(20), tells: [], version: "20" },
  { name: "an old bookmark does not move it back", event: bookmark(2), tells: [], version: "7" },
  { name: "a duplicate tells nothing", event: modified("b", 5), tells: [], version: "7" },
  { name: "an older state tells nothing", event: modified("b", 4), tells: [], version: "7" },
  { name: "an older deletion tells nothing", event: deleted("b", 4), tells: [], version: "7" },
  { name: "a deletion of what is not there tells nothing", event: deleted("x", 8), tells: [], version: "8" },
  {
    name: "a replay does not bring back what was deleted before the list",
    event: added("x", 6),
    tells: [],
    version: "7",
  },
  {
    name: "9 is older than 10: versions are not compared as text",
    event: modified("a", 10),
    tells: ["a: 3 → 10 (watch)"],
    version: "10",
  },
  {
    name: "a delete and re-create seen as one shows both",
    event: modified("a", 8, { uid: "another" }),
    tells: ["a: 3 → 8 (watch)"],
    version: "8",
  },
];

test("store: keys come newest first, by versions as numbers", () => {
  const store = new Store(select(ConfigMap));
  store.replace([object("a", 9), object("b", 100), object("c", 10), object("d", 99)], "100");
  assert.deepEqual(store.keysNewestFirst(), ["b", "d", "c", "a"]);
});

suite("store: one event", () => {
  for (const { name, event, tells, version } of events)
    test(name, () => {
      const store = storeOfAB();
      assert.deepEqual(told(store.apply(event)), tells);
      assert.equal(store.resourceVersion, version);
    });

  test("a re-created object shows both uids", () => {
    const [change] = storeOfAB().apply(modified("a", 8, { uid: "another" }));
    assert.deepEqual([change?.before?.metadata.uid, change?.after?.metadata.uid], ["uid of a", "another"]);
  });

  test("an object that no longer matches the query is gone", () => {
    const store = new Store(select(ConfigMap, { labels: { mirror: "true" } }));
    store.replace([object("a", 3, { labels: { mirror: "true" } })], "7");
    assert.deepEqual(told(store.apply(modified("a", 8))), ["a: 3 → - (watch)"]);
  });

  test("versions that cannot be compared are taken as they come", () => {
    const store = new Store(select(ConfigMap));
    store.replace([object("a", "x1")], "x9");
    assert.deepEqual(told(store.apply({ type: "modified", object: object("a", "x0") })), ["a: x1 → x0 (watch)"]);
    assert.equal(store.resourceVersion, "x0");
  });
});

const wentBack = (error: unknown): boolean => error instanceof EvenkeelError && error.code === "API_WENT_BACK";

suite("store: a whole list", () => {
  test("the first list is all new", () => {
    const store = new Store(select(ConfigMap));
    assert.deepEqual(told(store.replace([object("a", 3)], "7")), ["a: - → 3 (list)"]);
    assert.equal(store.resourceVersion, "7");
  });

  test("a relist tells the differences alone, deletions first", () => {
    const relist = [object("c", 8), object("b", 5), object("d", 9)];
    const changes = storeOfAB().replace(relist, "9");
    assert.deepEqual(told(changes), ["a: 3 → - (relist)", "c: - → 8 (relist)", "d: - → 9 (relist)"]);
  });

  test("the store is swapped before anybody is told", () => {
    const store = storeOfAB();
    const changes = store.replace([object("c", 8)], "8");
    assert.equal(changes.length, 3);
    assert.deepEqual(versions(store.read({})), { c: "8" });
  });

  test("a list older than what was seen is refused whole", () => {
    const store = storeOfAB();
    assert.throws(() => store.replace([], "6"), wentBack);
    assert.deepEqual(versions(store.read({})), { a: "3", b: "5" });
    assert.equal(store.resourceVersion, "7");
  });

  test("a list that is not older shows what is, also where that is an older version of an object", () => {
    // After a restore from a backup, whose versions have passed those that were seen before.
    const store = storeOfAB();
    assert.deepEqual(told(store.replace([object("a", 3), object("b", 4)], "8")), ["b: 5 → 4 (relist)"]);
  });

  test("an empty list at a newer version empties the store", () => {
    const store = storeOfAB();
    assert.equal(store.replace([], "8").length, 2);
    assert.equal(store.size, 0);
  });
});

const MINUTE = 60_000;
const asking = { labels: { mirror: "true" }, annotations: { retain: "true" } };

interface Leaving {
  readonly name: string;
  readonly happens: (store: Store, clock: VirtualClock) => void | Promise<void>;
  /** The version in which `a` is remembered. */
  readonly remembered: string | undefined;
}

/** Of a store of what is labelled mirror=true, with `a` at 3, seen up to 7. */
const leaving: readonly Leaving[] = [
  { name: "what is there", happens: () => {}, remembered: undefined },
  { name: "what was deleted", happens: (store) => void store.apply(deleted("a", 8)), remembered: "3" },
  {
    name: "what was changed before it was deleted",
    happens(store) {
      store.apply(modified("a", 8, asking));
      store.apply(deleted("a", 9, asking));
    },
    remembered: "8",
  },
  { name: "what no longer matches", happens: (store) => void store.apply(modified("a", 8)), remembered: "3" },
  { name: "what a relist lacks", happens: (store) => void store.replace([], "9"), remembered: "3" },
  {
    name: "what is there again",
    happens(store) {
      store.apply(deleted("a", 8));
      store.apply(added("a", 9, asking));
    },
    remembered: undefined,
  },
  {
    name: "what went again",
    happens(store) {
      store.apply(deleted("a", 8));
      store.apply(added("a", 9, asking));
      store.apply(deleted("a", 10));
    },
    remembered: "9",
  },
  {
    name: "what went ten minutes ago",
    async happens(store, clock) {
      store.apply(deleted("a", 8));
      await clock.advance(10 * MINUTE);
    },
    remembered: "3",
  },
  {
    name: "what went longer ago",
    async happens(store, clock) {
      store.apply(deleted("a", 8));
      await clock.advance(10 * MINUTE + 1);
    },
    remembered: undefined,
  },
  { name: "what went before thousands of others", happens: (store) => comeAndGo(store, 4_095), remembered: "3" },
  { name: "what went before too many of others", happens: (store) => comeAndGo(store, 4_096), remembered: undefined },
];

function comeAndGo(store: Store, count: number): void {
  store.apply(deleted("a", 8));
  for (let i = 0; i < count; i++) {
    store.apply(added(`n/${i}`, 10 + 2 * i, asking));
    store.apply(deleted(`n/${i}`, 11 + 2 * i));
  }
}

suite("store: what is gone", () => {
  for (const { name, happens, remembered } of leaving)
    test(`${name} is ${remembered === undefined ? "not remembered" : `remembered as of ${remembered}`}`, async () => {
      const clock = new VirtualClock();
      const store = new Store(select(ConfigMap, { labels: { mirror: "true" } }), {}, clock);
      store.replace([{ ...object("a", 3, asking), data: { a: "1" } } as StoredObject], "7");
      await happens(store, clock);
      const gone = store.departed("a");
      assert.equal(gone?.metadata.resourceVersion, remembered);
      if (gone !== undefined) assert.deepEqual(Object.keys(gone), ["apiVersion", "kind", "metadata"]);
    });

  test("the digest is kept where no more was held: what follows may be compared with it", () => {
    const store = storeOfAB();
    const held = withDigestOnly({ ...object("c", 8), immutable: true } as StoredObject, object("c", 8).metadata);
    store.apply({ type: "added", object: held });
    store.apply(deleted("c", 9));
    const gone = store.departed("c");
    assert.deepEqual([gone && keptDigest(gone), gone && isImmutable(gone)], [keptDigest(held), true]);
  });

  test("what was gone before the first list is not known", () => assert.equal(storeOfAB().departed("c"), undefined));
});

suite("store: covers", () => {
  const rows: readonly (readonly [version: string, covers: boolean, why: string])[] = [
    ["7", true, "seen"],
    ["6", true, "older"],
    ["8", false, "not seen yet"],
    ["10", false, "longer is newer"],
    ["v7", true, "it cannot be compared, and a key must not wait for ever"],
  ];
  for (const [version, covers, why] of rows)
    test(`a store at 7 ${covers ? "covers" : "does not cover"} ${version}: ${why}`, () =>
      assert.equal(storeOfAB().covers(version), covers));

  test("a store without a list covers nothing", () => assert.equal(new Store(select(ConfigMap)).covers("1"), false));
});

const byOwner = ({ metadata }: StoredObject): string | undefined => metadata.annotations?.["owner"];
const owned = (key: string, version: number, owner: string): StoredObject =>
  object(key, version, { annotations: { owner } });

suite("store: reads", () => {
  test("an indexer's objects are found by its value, sorted by key", () => {
    const store = new Store(select(ConfigMap), { byOwner });
    store.replace([owned("z", 3, "x"), owned("y", 4, "other"), object("w", 5), owned("a", 6, "x")], "7");
    assert.deepEqual(versions(store.lookup("byOwner", "x")), { a: "6", z: "3" });
    store.apply({ type: "modified", object: owned("z", 8, "other") });
    store.apply(deleted("a", 9));
    assert.deepEqual(store.lookup("byOwner", "x"), []);
    assert.deepEqual(versions(store.lookup("byOwner", "other")), { y: "4", z: "8" });
  });

  test("an index that does not exist is an error", () =>
    assert.throws(() => storeOfAB().lookup("byColour", "red"), /has no index byColour/));

  const operation = fc.record({ key: anyKey, labels: anyLabels, isDeletion: fc.boolean() });
  test("whatever index a read uses, it finds what a scan finds, in order of keys", () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 60, size: "max" }),
        fc.array(anyWhere, { minLength: 1, maxLength: 8 }),
        (operations, wheres) => {
          const store = new Store(select(ConfigMap));
          store.replace([], "1");
          const model = new Map<string, StoredObject>();
          const half = operations.length / 2;
          for (const [index, { key, labels, isDeletion }] of operations.entries()) {
            const next = object(key, index + 2, { labels });
            store.apply({ type: isDeletion ? "deleted" : "modified", object: next });
            if (isDeletion) model.delete(key);
            else model.set(key, next);
            // Some indexes are made early and kept up to date, some are made late from what is there.
            if (index > half) for (const each of wheres.slice(0, 2)) store.read(each);
          }
          for (const each of wheres) {
            const scanned = [...model.values()].filter((object) => matches(each, object));
            const keys = scanned.map(({ metadata }) => objectKey(metadata)).toSorted();
            assert.deepEqual(
              store.read(each).map(({ metadata }) => objectKey(metadata)),
              keys,
            );
            assert.deepEqual(new Set(store.read(each)), new Set(scanned));
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

suite("store: whatever comes", () => {
  const version = fc.integer({ min: 1, max: 120 });
  const event: fc.Arbitrary<WatchEvent> = fc.oneof(
    fc
      .record({ type: fc.constantFrom("added", "modified", "deleted"), key: anyKey, version })
      .map(({ type, key, version }) => ({
        type,
        object: object(key, version),
      })),
    version.map(bookmark),
  );
  const list = fc.record({ items: fc.array(fc.record({ key: anyKey, version })), at: version });

  test("no event takes a version back, and the changes retold give the store", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 4, arbitrary: event }, { weight: 1, arbitrary: list })), (inputs) => {
        const store = new Store(select(ConfigMap));
        const shadow = new Map<string, StoredObject>();
        for (const input of inputs) {
          const seen = store.resourceVersion ?? "0";
          for (const { key, before, after, origin } of changesOf(store, input)) {
            assert.equal(before, shadow.get(key), "a change begins where the last one ended");
            if (before !== undefined && after !== undefined && origin === "watch") assert.ok(isNewer(after, before));
            if (after === undefined) shadow.delete(key);
            else shadow.set(key, after);
          }
          assert.ok((compareResourceVersions(store.resourceVersion ?? "0", seen) ?? -1) >= 0);
          assert.deepEqual(new Set(store.read({})), new Set(shadow.values()));
        }
      }),
      { numRuns: 500 },
    );
  });
});

function changesOf(
  store: Store,
  input:
    | WatchEvent
    | { readonly items: readonly { readonly key: string; readonly version: number }[]; readonly at: number },
): readonly Change[] {
  if ("type" in input) return store.apply(input);
  try {
    const items = input.items.map(({ key, version }) => object(key, version));
    return store.replace(items, String(input.at));
  } catch (error) {
    assert.match(String(error), /is older than/);
    return [];
  }
}

function isNewer(a: StoredObject, b: StoredObject): boolean {
  return (compareResourceVersions(a.metadata.resourceVersion, b.metadata.resourceVersion) ?? -1) > 0;
}
