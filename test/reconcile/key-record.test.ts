/** What is remembered of a key, why it runs again, and when there is nothing to remember. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { KeyRecord } from "../../runtime/reconcile/key-record.ts";
import type { Woken } from "../../runtime/reconcile/wakes.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { configMap } from "./builders.ts";

const record = (): KeyRecord => new KeyRecord(new VirtualClock());
const nothing: Woken = { wakes: [], count: 0 };
const edited: Woken = { wakes: [{ what: "source", change: "modified", object: "v1/ConfigMap default/one" }], count: 1 };
const span = { traceId: "1", spanId: "2", traceFlags: 1 };

suite("a key's record", () => {
  const marks: Readonly<Record<string, (record: KeyRecord) => void>> = {
    "a memo": (it) => (it.memo = 0),
    "a block": (it) => it.blocked.block("v1/ConfigMap a/b", "denied", "a"),
    "a deletion's grace": (it) => (it.deletionsSinceMs = 0),
    "a doubt": (it) => (it.doubtCount = 1),
    "a conflict": (it) => (it.conflictCount = 1),
    "an object in the way": (it) => (it.refused = ["v1/ConfigMap a/b"]),
    "an event that was told": (it) => (it.events = new Set(["told"])),
    "a write": (it) =>
      it.rewrites.wrote("v1/ConfigMap a/b", { inputs: "1", body: configMap("a/b"), isCreate: true }, 0),
    "a status that was sent": (it) => (it.statusDigest = "0123456789abcdef"),
    "a wish that is fulfilled": (it) => (it.fulfilled = new Set(["0123456789abcdef"])),
    "a run that put the next one off": (it) => (it.previous = span),
  };
  for (const [name, mark] of Object.entries(marks))
    test(`of ${name} is no blank`, () => {
      const it = record();
      assert.equal(it.isBlank, true);
      mark(it);
      assert.equal(it.isBlank, false);
    });

  test("of a run that nothing follows is blank again", () => {
    const it = record();
    it.woken(edited, "requeue");
    it.previous = span;
    it.settled(false);
    assert.equal(it.isBlank, true);
  });

  test("a delayed run keeps its predecessor, and where that was a deletion's grace, what began it", () => {
    const it = record();
    assert.deepEqual(it.woken(edited, "requeue"), edited);
    it.deletionsSinceMs = 0;
    it.previous = span;
    it.settled(true);
    assert.equal(it.previous, span);
    assert.deepEqual(it.woken(nothing, "requeue"), edited);
    it.deletionsSinceMs = undefined;
    assert.deepEqual(it.woken(nothing, "retry"), { wakes: [{ what: "retry" }], count: 1 });
  });

  for (const [uid, memo] of [
    ["u1", 7],
    ["u2", undefined],
  ] as const)
    test(`hands its memo on to ${memo === undefined ? "no other object of the same name" : "the object it is of"}`, () => {
      const it = record();
      it.begins(configMap("default/one", { uid: "u1" }));
      it.memo = 7;
      it.begins(configMap("default/one", { uid }));
      assert.equal(it.memo, memo);
    });
});
