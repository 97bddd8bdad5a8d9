/** Which keys a change concerns. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { Change } from "../../runtime/cache/store.ts";
import { Tracker } from "../../runtime/cache/tracker.ts";
import { ConfigMap, Namespace, type Kind } from "../../runtime/kube/kind.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import { formatQuery, matches, metadataOf, select, type Query, type Where } from "../../runtime/kube/query.ts";
import { anyKey, anyLabels, anyWhere } from "./support/arbitraries.ts";
import { object } from "./support/objects.ts";

const maps = (where: Where = {}): Query => select(ConfigMap, where);

function change(before: StoredObject | undefined, after: StoredObject | undefined, kind: Kind = ConfigMap): Change {
  const key = "the key";
  const head = { query: select(kind), key, origin: "watch" as const };
  if (before !== undefined) return { ...head, before, after };
  if (after === undefined) throw new Error("a change has a before or an after");
  return { ...head, after };
}

const green = { labels: { colour: "green" } };
const red = { labels: { colour: "red" } };

const rows: readonly {
  readonly name: string;
  readonly reads: Query;
  readonly change: Change;
  readonly isAffected: boolean;
}[] = [
  {
    name: "an object read by name appears",
    reads: maps({ namespace: "n", name: "a" }),
    change: change(undefined, object("n/a", 1)),
    isAffected: true,
  },
  {
    name: "its namesake elsewhere",
    reads: maps({ namespace: "n", name: "a" }),
    change: change(undefined, object("m/a", 1)),
    isAffected: false,
  },
  {
    name: "a namesake anywhere, read by name alone",
    reads: maps({ name: "a" }),
    change: change(undefined, object("m/a", 1)),
    isAffected: true,
  },
  {
    name: "a cluster-scoped object read by name",
    reads: maps({ namespace: "", name: "a" }),
    change: change(object("a", 1), undefined),
    isAffected: true,
  },
  {
    name: "a namespaced namesake of it",
    reads: maps({ namespace: "", name: "a" }),
    change: change(object("n/a", 1), undefined),
    isAffected: false,
  },
  {
    name: "an object leaves the label that was read",
    reads: maps(green),
    change: change(object("n/a", 1, green), object("n/a", 2, red)),
    isAffected: true,
  },
  {
    name: "an object enters the label that was read",
    reads: maps(green),
    change: change(object("n/a", 1, red), object("n/a", 2, green)),
    isAffected: true,
  },
  {
    name: "another label",
    reads: maps(green),
    change: change(object("n/a", 1, red), object("n/a", 2, red)),
    isAffected: false,
  },
  {
    name: "one of several values",
    reads: maps({ labels: { colour: { in: ["blue", "red"] } } }),
    change: change(undefined, object("a", 1, red)),
    isAffected: true,
  },
  {
    name: "none of no values",
    reads: maps({ labels: { colour: { in: [] } } }),
    change: change(undefined, object("a", 1, red)),
    isAffected: false,
  },
  {
    name: "a label that must be absent",
    reads: maps({ labels: { colour: { exists: false } } }),
    change: change(object("a", 1, red), object("a", 2)),
    isAffected: true,
  },
  {
    name: "a name prefix",
    reads: maps({ namePrefix: "team-" }),
    change: change(undefined, object("team-a", 1)),
    isAffected: true,
  },
  {
    name: "a longer name that begins otherwise",
    reads: maps({ namePrefix: "team-" }),
    change: change(undefined, object("teamster", 1)),
    isAffected: false,
  },
  {
    name: "the empty prefix",
    reads: maps({ namePrefix: "" }),
    change: change(undefined, object("x", 1)),
    isAffected: true,
  },
  {
    name: "a version alone, where metadata is read",
    reads: metadataOf(maps()),
    change: change(object("n/a", 1, green), object("n/a", 2, green)),
    isAffected: false,
  },
  {
    name: "a version alone, where the object is read",
    reads: maps(),
    change: change(object("n/a", 1, green), object("n/a", 2, green)),
    isAffected: true,
  },
  {
    name: "a label, where metadata is read",
    reads: metadataOf(maps()),
    change: change(object("n/a", 1, green), object("n/a", 2, red)),
    isAffected: true,
  },
  {
    name: "an object of the same name, where metadata is read",
    reads: metadataOf(maps()),
    change: change(object("n/a", 1, green), object("n/a", 2, { ...green, uid: "another" })),
    isAffected: true,
  },
  {
    name: "an object that is on its way out, where metadata is read",
    reads: metadataOf(maps()),
    change: change(object("n/a", 1), object("n/a", 2, { deletionTimestamp: "2026-01-01T00:00:00Z" })),
    isAffected: true,
  },
  {
    name: "its end, where metadata is read",
    reads: metadataOf(maps()),
    change: change(object("a", 1), undefined),
    isAffected: true,
  },
  {
    name: "an object goes whose going was asked for",
    reads: { ...maps({ namespace: "n", name: "a", labels: green.labels }), part: "departed" },
    change: change(object("n/a", 1, green), undefined),
    isAffected: true,
  },
  {
    name: "it comes back",
    reads: { ...maps({ namespace: "n", name: "a", labels: green.labels }), part: "departed" },
    change: change(undefined, object("n/a", 1, green)),
    isAffected: true,
  },
  { name: "the whole kind", reads: maps(), change: change(object("n/a", 1), undefined), isAffected: true },
  { name: "another kind", reads: maps(), change: change(object("n/a", 1), undefined, Namespace), isAffected: false },
];

suite("tracker: one read, one change", () => {
  for (const { name, reads, change, isAffected } of rows)
    test(`${name}: ${isAffected ? "wakes" : "does not wake"}`, () => {
      const tracker = new Tracker();
      tracker.replace("r", [reads]);
      assert.deepEqual([...tracker.affected(change).keys()], isAffected ? ["r"] : []);
    });
});

const own = (owner: string): Where => ({ labels: { "managed-by": "us", owner } });

suite("tracker: keys", () => {
  const appears = change(undefined, object("n/a", 1));

  test("says which query woke a key", () => {
    const tracker = new Tracker();
    tracker.replace("r", [maps({ namespace: "m" }), maps({ namespace: "n" })]);
    assert.deepEqual([...tracker.affected(appears).values()].map(formatQuery), ["v1/ConfigMap n/*"]);
  });

  test("one object and the whole kind, read by one key: either wakes it", () => {
    const tracker = new Tracker();
    tracker.replace("r", [maps({ namespace: "n", name: "a" }), maps()]);
    for (const key of ["n/a", "n/b"]) assert.ok(tracker.affected(change(undefined, object(key, 1))).has("r"), key);
  });

  test("a read that is not repeated wakes no more", () => {
    const tracker = new Tracker();
    tracker.replace("r", [maps({ namespace: "n", name: "a" })]);
    tracker.replace("r", [maps({ namespace: "n", name: "b" })]);
    assert.equal(tracker.affected(appears).size, 0);
    assert.deepEqual(tracker.counts, { keys: 1, queries: 1, drawers: 1 });
  });

  test("after a failed run both its reads and those of the completed run wake", () => {
    const tracker = new Tracker();
    tracker.replace("r", [maps({ name: "a" })]);
    tracker.unite("r", [maps({ name: "b" })]);
    for (const key of ["n/a", "n/b"]) assert.ok(tracker.affected(change(undefined, object(key, 1))).has("r"), key);
  });

  test("a first run that fails keeps its reads", () => {
    const tracker = new Tracker();
    tracker.unite("r", [maps({ name: "a" })]);
    assert.ok(tracker.affected(appears).has("r"));
  });

  test("a key that fails for ever does not grow", () => {
    const tracker = new Tracker();
    tracker.replace("r", [maps({ name: "a" })]);
    for (let run = 0; run < 100; run++) tracker.unite("r", [maps({ name: `b${run}` })]);
    assert.deepEqual(tracker.queriesOf("r").map(formatQuery), ["v1/ConfigMap */a", "v1/ConfigMap */b99"]);
    assert.equal(tracker.counts.queries, 2);
  });

  test("strings that look like other conditions are not mistaken for them", () => {
    const tracker = new Tracker();
    tracker.replace("odd", [maps({ labels: { x: "a,y=b" } })]);
    tracker.replace("plain", [maps({ labels: { x: "a", y: "b" } })]);
    const both = object("n/a", 1, { labels: { x: "a", y: "b" } });
    assert.deepEqual([...tracker.affected(change(undefined, both)).keys()], ["plain"]);
  });

  test("the cost of a change does not grow with keys that read something else", () => {
    const tracker = new Tracker();
    let evaluated = 0;
    const counting = (where: Where): Where => ({
      ...where,
      get namePrefix() {
        evaluated++;
        return undefined;
      },
    });
    for (let i = 0; i < 2_000; i++) {
      const reads = [
        own(`o${i}`),
        { namespace: "n", name: `m${i}` },
        { labels: { app: "x", "managed-by": "us", owner: `p${i}` } },
      ];
      tracker.replace(
        `r${i}`,
        reads.map((where) => ({ kind: ConfigMap, where: counting(where) })),
      );
    }
    evaluated = 0;
    const labels = { "managed-by": "us", owner: "o7", app: "x" };
    assert.deepEqual([...tracker.affected(change(undefined, object("n/a", 1, { labels }))).keys()], ["r7"]);
    assert.ok(evaluated <= 4, `${evaluated} of 6000 queries were evaluated`);
  });
});

suite("tracker: whatever is read and whatever changes", () => {
  const READERS = ["p", "q", "r", "s"];
  const reader = fc.constantFrom(...READERS);
  const queries = fc.array(anyWhere.map(maps), { maxLength: 4 });
  const happening = fc.record({ does: fc.constant("change" as const), key: anyKey, labels: fc.option(anyLabels) });
  const run = fc.record({ does: fc.constantFrom("replace" as const, "unite" as const), reader, queries });
  const forget = fc.record({ does: fc.constant("forget" as const), reader });
  const step = fc.oneof(
    { weight: 3, arbitrary: happening },
    { weight: 2, arbitrary: run },
    { weight: 1, arbitrary: forget },
  );

  test("each key whose answers differ is affected, and nothing is left when all are forgotten", (t) => {
    let needed = 0;
    let needless = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
        const tracker = new Tracker();
        const world = new Map<string, StoredObject>();
        let version = 0;
        for (const each of steps) {
          if (each.does !== "change") {
            if (each.does === "forget") tracker.forget(each.reader);
            else tracker[each.does](each.reader, each.queries);
            continue;
          }
          const before = world.get(each.key);
          const after = each.labels === null ? undefined : object(each.key, ++version, { labels: each.labels });
          if (before === undefined && after === undefined) continue;
          const old = READERS.map((reader) => answers(tracker, reader, world));
          if (after === undefined) world.delete(each.key);
          else world.set(each.key, after);
          const affected = tracker.affected(change(before, after));
          for (const [index, reader] of READERS.entries()) {
            const differs = old[index] !== answers(tracker, reader, world);
            if (differs) assert.ok(affected.has(reader), `${reader} reads what changed`);
            if (differs) needed++;
            else if (affected.has(reader)) needless++;
          }
        }
        for (const reader of READERS) tracker.forget(reader);
        assert.deepEqual(tracker.counts, { keys: 0, queries: 0, drawers: 0 });
      }),
      { numRuns: 500 },
    );
    t.diagnostic(`${needed} wakes were needed, ${needless} were not`);
    assert.ok(needed > 500, "the test reaches what it is about");
    assert.equal(needless, 0, "a query that matches before or after is an answer that differs");
  });
});

function answers(tracker: Tracker, reader: string, world: ReadonlyMap<string, StoredObject>): string {
  const objects = [...world.values()];
  return JSON.stringify(tracker.queriesOf(reader).map(({ where }) => objects.filter((each) => matches(where, each))));
}
