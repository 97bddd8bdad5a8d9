/** The store against a model: every list, at every revision that is kept, and every replay of changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ResourceStore } from "../../../runtime/apiserver/storage/resource-store.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

interface Write {
  readonly key: string;
  /** Undefined deletes. */
  readonly value: number | undefined;
}

const writes = fc.array(
  fc.record({
    key: fc.constantFrom("a/1", "a/2", "a/3", "b/1", "b/2"),
    value: fc.option(fc.nat(99), { nil: undefined }),
  }),
  { maxLength: 40 },
);

/** What each revision looked like: key → value. */
type Past = Map<number, ReadonlyMap<string, number>>;

function played(
  steps: readonly Write[],
  maxChanges: number,
): { readonly store: ResourceStore; readonly past: Past; readonly revision: number } {
  let revision = 1;
  const limits = { maxChanges, maxAgeMs: Infinity };
  const store = new ResourceStore(new VirtualClock(), limits, () => ++revision);
  const now = new Map<string, number>();
  const past: Past = new Map([[revision, new Map()]]);
  for (const { key, value } of steps) {
    if (value === undefined) {
      store.delete(key);
      now.delete(key);
    } else {
      store.put(key, { apiVersion: "v1", kind: "T", metadata: {}, value });
      now.set(key, value);
    }
    past.set(revision, new Map(now));
  }
  return { store, past, revision };
}

function listed(store: ResourceStore, revision: number | undefined, limit: number): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  let from: string | undefined;
  do {
    const page = store.list({ prefix: "", from, revision, limit, matches: () => true });
    for (const { key, object } of page.items) found.set(key, object["value"]);
    from = page.next;
  } while (from !== undefined);
  return found;
}

test("a list at any revision that is kept, in pages of any size, is what was there, in order of keys", () => {
  fc.assert(
    fc.property(writes, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 3 }), (steps, kept, limit) => {
      const { store, past, revision } = played(steps, kept);
      for (const [at, model] of past) {
        if (at < store.compactedRevision) continue;
        const found = listed(store, at === revision ? undefined : at, limit);
        assert.deepEqual(
          [...found],
          [...model].toSorted(([a], [b]) => (a < b ? -1 : 1)),
        );
      }
    }),
  );
});

test("a state plus the changes since it is the present state", () => {
  fc.assert(
    fc.property(writes, fc.integer({ min: 1, max: 50 }), (steps, kept) => {
      const { store, past, revision } = played(steps, kept);
      for (const [at, model] of past) {
        if (at < store.compactedRevision) continue;
        const state = new Map<string, unknown>(model);
        for (const { key, after } of store.changesSince(at))
          if (after === undefined) state.delete(key);
          else state.set(key, after.object["value"]);
        assert.deepEqual(Object.fromEntries(state), Object.fromEntries(past.get(revision) ?? []));
      }
    }),
  );
});

test("listeners hear each change once, in order, in the turn that made it", () => {
  let revision = 1;
  const store = new ResourceStore(new VirtualClock(), { maxChanges: 9, maxAgeMs: Infinity }, () => ++revision);
  const heard: string[] = [];
  const stop = store.subscribe(({ revision, key, before, after }) => {
    heard.push(`${revision} ${key} ${before === undefined ? "-" : "was"} ${after === undefined ? "gone" : "is"}`);
  });
  store.put("a", { apiVersion: "v1", kind: "T", metadata: {} });
  store.put("a", { apiVersion: "v1", kind: "T", metadata: {} });
  store.delete("a");
  store.delete("a");
  stop();
  store.put("b", { apiVersion: "v1", kind: "T", metadata: {} });
  assert.deepEqual(heard, ["2 a - is", "3 a was is", "4 a was gone"]);
});

test("a version is serialised once, and everybody gets the same bytes", () => {
  const store = new ResourceStore(new VirtualClock(), { maxChanges: 9, maxAgeMs: Infinity }, () => 7);
  const version = store.put("a", { apiVersion: "v1", kind: "T", metadata: { name: "a" }, data: { x: "1" } });
  assert.equal(version.body, store.get("a")?.body);
  assert.equal(
    Buffer.from(version.body).toString(),
    '{"metadata":{"name":"a","resourceVersion":"7"},"data":{"x":"1"}}',
  );
  assert.equal(version.metadataBody, store.get("a")?.metadataBody);
});
