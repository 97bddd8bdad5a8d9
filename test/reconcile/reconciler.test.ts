/** What a key remembers of one request when the next one comes. */
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { Tracker } from "../../runtime/cache/tracker.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { select } from "../../runtime/kube/query.ts";
import { InlineCell } from "../support/inline-cell.ts";
import type { Attempt } from "../../runtime/reconcile/cell/cell.ts";
import { defineFunction, type DefinedFunction } from "../../runtime/reconcile/define.ts";
import type { Effects } from "../../runtime/reconcile/effects.ts";
import { Events } from "../../runtime/reconcile/events.ts";
import { FunctionCache } from "../../runtime/reconcile/function-cache.ts";
import { KeyRecord } from "../../runtime/reconcile/key-record.ts";
import { Reconciler } from "../../runtime/reconcile/reconciler.ts";
import type { Settled } from "../../runtime/reconcile/tally.ts";
import { LiveReads } from "../../runtime/reconcile/live-reads.ts";
import { Slots } from "../../runtime/reconcile/slots.ts";
import { WriteCauses } from "../../runtime/reconcile/write-causes.ts";
import { Writer } from "../../runtime/reconcile/writer.ts";
import { start, tracingWorld } from "../trace/spans.ts";
import { configMap, wish } from "./builders.ts";
import { ClusterRig } from "./cluster-rig.ts";

/** A copy is made of each of `a` and `b` that is there. */
const copyingAnd = (says: (memo: unknown) => Pick<Effects, "memo" | "requeueAfterMs">): DefinedFunction =>
  defineFunction({
    watches: select(ConfigMap, { namespace: "default", name: "source" }),
    reads: [ConfigMap],
    writes: [ConfigMap],
    reconcile(_source, cache, { memo }) {
      const there = ["a", "b"].filter((name) => cache.get(ConfigMap, { namespace: "default", name }) !== undefined);
      return { children: there.map((name) => wish(`default/copy-of-${name}`)), ...says(memo) };
    },
  });

/** The memo counts the runs. */
const copying = copyingAnd((memo) => ({ memo: (typeof memo === "number" ? memo : 0) + 1 }));

const isLeading = (): boolean => true;

class ObservedCell extends InlineCell {
  onAttempt = (): void => {};

  override attempt(...asked: Parameters<InlineCell["attempt"]>): Attempt {
    this.onAttempt();
    return super.attempt(...asked);
  }
}

/** A cluster that holds the source, `a` and `b`. */
async function rig(context: TestContext, definition = copying) {
  const cluster = new ClusterRig(context);
  const { api, clock, informers } = cluster;
  const { signal } = new AbortController();
  const live = new LiveReads({ api, clock });
  const cell = new ObservedCell("copying", definition);
  const tracker = new Tracker();
  const parts = {
    cell,
    config: undefined,
    isNamespaced: () => true,
    cache: new FunctionCache("copying", cell.declaration, informers),
    tracker,
    api,
    clock,
    writer: new Writer({ api, slots: new Slots(10), isLeading, signal }),
    live,
    events: new Events({ api, clock, identity: "us", isLeading, signal, onDropped: () => {} }),
    causes: new WriteCauses(),
    signal,
    isVerifying: false,
    onWrite: () => {},
  };
  const reconciler = new Reconciler({ ...parts, isDryRun: false });
  const rehearsal = new Reconciler({ ...parts, isDryRun: true });
  const record = new KeyRecord(clock);
  const { tracer } = tracingWorld();
  /** Runs the key, and lets the cache see what came of it. */
  const reconcile = async (by = reconciler): Promise<Settled> => {
    const settled = await by.reconcile("default/source", record, tracer.start(start));
    await clock.advance(10);
    return settled;
  };
  await cluster.create(...["source", "a", "b"].map((name) => wish(`default/${name}`)));
  informers.start();
  await clock.advance(10);
  const remove = async (name: string): Promise<void> => {
    await cluster.delete(`default/${name}`);
    await clock.advance(10);
  };
  return { cluster, clock, cell, tracker, live, record, reconcile, rehearsal, remove };
}

const failsToCreate: ClusterRig["rule"] = ({ method }) => (method === "POST" ? { do: "fail" } : undefined);

/** The live cluster has `a`, whatever the cache shows. */
const showsA: ClusterRig["rule"] = ({ method, path }) =>
  method === "GET" && path.endsWith("/configmaps/a")
    ? { do: "answer", status: 200, body: configMap("default/a") }
    : undefined;

const written = ({ written }: Settled): readonly string[] => written.map(({ verb, name }) => `${verb} ${name.name}`);

suite("a key", () => {
  test("keeps the memo of its last successful run: one whose writes failed hands nothing on", async (context) => {
    const { cluster, record, reconcile, remove } = await rig(context);
    for (const [rule, result, memo] of [
      [failsToCreate, "error", undefined],
      [() => undefined, "success", 1],
      [() => undefined, "success", 2],
    ] as const) {
      cluster.rule = rule;
      assert.deepEqual([(await reconcile()).result, record.memo], [result, memo]);
    }
    cluster.rule = failsToCreate;
    await remove("copy-of-a");
    assert.deepEqual([(await reconcile()).result, record.memo], ["error", 2]);
  });

  test("has no doubts left after a look that confirmed its deletion, and no reason to run again", async (context) => {
    const { cluster, clock, record, reconcile, remove } = await rig(context);
    await reconcile();
    await remove("a");
    await reconcile();
    await clock.advance(300);
    cluster.rule = showsA;
    assert.equal((await reconcile()).requeueAfterMs, 600, "doubted");
    await clock.advance(1_001); // An answer may be shared for a second.
    cluster.rule = () => undefined;
    const confirmed = await reconcile();
    assert.deepEqual([written(confirmed), confirmed.requeueAfterMs], [["delete copy-of-a"], undefined]);
    assert.deepEqual([record.doubtCount, record.deletionsSinceMs], [0, undefined]);
    await remove("b");
    assert.equal((await reconcile()).requeueAfterMs, 300, "the next deletion waits as any other");
  });

  test("depends in each round on all that the rounds before have read: a thread may work on it for long", async (context) => {
    const chained = defineFunction({
      watches: select(ConfigMap, { namespace: "default", name: "source" }),
      reads: [ConfigMap],
      writes: [ConfigMap],
      reconcile(_source, cache) {
        const first = cache.get(ConfigMap, { namespace: "default", name: "a" });
        if (first !== undefined) cache.get(ConfigMap, { namespace: "default", name: "b" });
        return {};
      },
    });
    const { cell, tracker, reconcile } = await rig(context, chained);
    const read: (readonly (string | undefined)[])[] = [];
    cell.onAttempt = () => void read.push(tracker.queriesOf("default/source").map(({ where }) => where.name));
    await reconcile();
    assert.deepEqual(read, [[], ["a"], ["a", "b"]]);
  });

  const nothing = { wakes: [], count: 0 };
  // The last of the runs is the second look's.
  for (const [runs, when, says, meanwhile] of [
    [2, "nothing has changed", {}, nothing],
    [3, "something has changed", {}, { wakes: [], count: 1 }],
    [3, "it asked to be run again later", { requeueAfterMs: 60_000 }, nothing],
    [3, "it handed something on", { memo: 1 }, nothing],
  ] as const)
    test(`is run ${runs === 2 ? "once" : "anew"} for a deletion that had to wait, where ${when}`, async (context) => {
      let count = 0;
      const counting = copyingAnd(() => (count++, says));
      const { clock, record, reconcile, remove } = await rig(context, counting);
      await reconcile();
      await remove("a");
      await remove("b");
      count = 0;
      await reconcile();
      await clock.advance(300);
      record.woken(meanwhile, "requeue");
      assert.deepEqual([written(await reconcile()), count], [["delete copy-of-a", "delete copy-of-b"], runs]);
    });

  test("takes no memo from a dry run: what it would say was done has not been", async (context) => {
    const { record, reconcile, rehearsal } = await rig(context);
    await reconcile();
    await reconcile(rehearsal);
    assert.equal(record.memo, 1);
  });

  test("keeps no run for deletions that are due, and not sent: a dry run", async (context) => {
    const { clock, record, reconcile, rehearsal, remove } = await rig(
      context,
      copyingAnd(() => ({})),
    );
    await reconcile();
    await remove("a");
    await reconcile(rehearsal);
    assert.ok(record.waiting !== undefined, "in their grace");
    await clock.advance(300);
    await reconcile(rehearsal);
    assert.equal(record.waiting, undefined);
  });

  test("deletes nothing by an answer that is older than its wish, though others still share it", async (context) => {
    const { cluster, clock, live, reconcile, remove } = await rig(context);
    await reconcile();
    await remove("a");
    await reconcile();
    const { signal } = new AbortController();
    const options = { signal, span: tracingWorld().tracer.start(start).secondLook() };
    assert.deepEqual(await live.read(select(ConfigMap, { namespace: "default", name: "a" }), 0, options), []);
    await cluster.create(wish("default/a"));
    await clock.advance(10);
    await reconcile();
    await remove("a");
    assert.deepEqual(written(await reconcile()), [], "wished for anew, so it waits anew");
    await clock.advance(300);
    cluster.rule = showsA;
    const settled = await reconcile();
    assert.deepEqual([written(settled), settled.requeueAfterMs], [[], 600]);
  });
});
