import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { RecentTraces } from "../../runtime/trace/recent.ts";
import type { Outcome } from "../../runtime/trace/reconcile-trace.ts";
import { createReconcileTracer } from "../../runtime/trace/reconcile-tracer.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { start } from "./spans.ts";

suite("the recent traces", () => {
  test("are listed newest first", () => {
    const { recent, reconcile } = world();
    const ids = [reconcile("default/a"), reconcile("default/b"), reconcile("default/c")];
    assert.deepEqual(
      recent.list().map(({ traceId }) => traceId),
      ids.toReversed(),
    );
  });

  const filters = [
    { filter: { function: "mirror" }, keys: ["default/b", "default/a"] },
    { filter: { function: "other" }, keys: [] },
    { filter: { key: "default/a" }, keys: ["default/a"] },
    { filter: { outcome: "error" }, keys: ["default/b"] },
    { filter: { outcome: "error", key: "default/a" }, keys: [] },
  ] as const;
  for (const { filter, keys } of filters)
    test(`are filtered by ${JSON.stringify(filter)}`, () => {
      const { recent, reconcile } = world();
      reconcile("default/a");
      reconcile("default/b", { outcome: "error" });
      assert.deepEqual(
        recent.list(filter).map(({ key }) => key),
        keys,
      );
    });

  test("hold each trace as a tree of plain JSON", () => {
    const { recent, reconcile } = world();
    const id = reconcile("default/a", { writes: 2, outcome: "error" });
    const tree = recent.get(id);
    assert.ok(tree !== undefined);
    assert.deepEqual(JSON.parse(JSON.stringify(tree)), { ...tree, code: "API_FORBIDDEN" });
    assert.deepEqual(
      { ...tree, root: undefined },
      {
        traceId: id,
        function: "mirror",
        key: "default/a",
        kind: "v1/ConfigMap",
        outcome: "error",
        code: "API_FORBIDDEN",
        woke: "source added",
        wakeCount: 1,
        start: "2025-12-31T23:59:59.993Z",
        durationMs: 7,
        queuedMs: 7,
        spanCount: 4,
        omittedCount: 0,
        root: undefined,
      },
    );
    assert.deepEqual(
      [tree.root, ...tree.root.children].map(({ name, status, durationMs }) => [name, status, durationMs]),
      [
        ["reconcile mirror", "error", 7],
        ["queue", "ok", 7],
        ["create v1/ConfigMap", "ok", 0],
        ["create v1/ConfigMap", "ok", 0],
      ],
    );
  });

  test("answer undefined for an unknown id", () => assert.equal(world().recent.get("0".repeat(32)), undefined));

  test("forget the oldest beyond the number of traces", () => {
    const { recent, reconcile } = world({ maxTraces: 2 });
    const [first] = ["default/a", "default/b", "default/c"].map((key) => reconcile(key, { writes: 1 }));
    assert.deepEqual(
      recent.list().map(({ key }) => key),
      ["default/c", "default/b"],
    );
    assert.equal(recent.get(first ?? ""), undefined);
  });

  test("forget the oldest beyond the number of spans", () => {
    const { recent, reconcile } = world({ maxSpans: 25 });
    for (const key of ["default/a", "default/b", "default/c"]) reconcile(key, { writes: 10 });
    assert.deepEqual(
      recent.list().map(({ key }) => key),
      ["default/c", "default/b"],
    );
  });

  test("keep a trace that wrote something while a thousand keys run without effect", () => {
    const { recent, reconcile } = world({ maxTraces: 20 });
    reconcile("default/written", { writes: 1 });
    reconcile("default/failed", { outcome: "error" });
    for (let i = 0; i < 1_000; i++) reconcile(`default/quiet-${i}`);
    const kept = recent.list().map(({ key }) => key);
    assert.equal(kept.length, 20);
    assert.deepEqual(kept.slice(-2), ["default/failed", "default/written"]);
  });

  test("keep the first 64 of each second that changed nothing, and all that did", async () => {
    const { recent, reconcile, clock } = world();
    for (const second of ["first", "second"]) {
      for (let i = 0; i < 1_000; i++) reconcile(`${second}/quiet-${i}`, { writes: i === 999 ? 1 : 0 });
      await clock.advance(1_000);
    }
    const kept = recent.list().map(({ key }) => key);
    assert.equal(kept.length, 130);
    assert.deepEqual([kept[0], kept[1], kept[65]], ["second/quiet-999", "second/quiet-63", "first/quiet-999"]);
  });

  const evictions = [
    {
      name: "the oldest of all goes first while few are quiet",
      ended: "q1 w1 w2 w3 w4 w5 w6 w7 w8",
      kept: "w8 w7 w6 w5 w4 w3 w2 w1",
    },
    {
      name: "a quiet one stays while it is not the oldest",
      ended: "w1 w2 q1 w3 w4 w5 w6 w7 w8",
      kept: "w8 w7 w6 w5 w4 w3 q1 w2",
    },
    {
      name: "the oldest quiet one goes first beyond a quarter",
      ended: "w1 q1 w2 q2 w3 q3 w4 w5 w6",
      kept: "w6 w5 w4 q3 w3 q2 w2 w1",
    },
    {
      name: "quiet ones fill what nothing else takes",
      ended: "q1 q2 q3 q4 q5 q6 q7 q8 q9",
      kept: "q9 q8 q7 q6 q5 q4 q3 q2",
    },
    {
      name: "quiet ones make room, down to a quarter",
      ended: "q1 q2 q3 q4 q5 q6 q7 q8 w1 w2 w3 w4 w5 w6 w7",
      kept: "w7 w6 w5 w4 w3 w2 w1 q8",
    },
  ] as const;
  for (const { name, ended, kept } of evictions)
    test(`of eight: ${name}`, () => {
      const { recent, reconcile } = world({ maxTraces: 8 });
      const ids = new Map(
        ended.split(" ").map((key) => [key, reconcile(key, { writes: key.startsWith("w") ? 1 : 0 })]),
      );
      const shown = recent.list().map(({ key }) => key);
      assert.equal(shown.join(" "), kept);
      for (const [key, id] of ids) assert.equal(recent.get(id)?.key, shown.includes(key) ? key : undefined, key);
    });

  test("show the first hundred spans of a large trace and count the rest", () => {
    const { recent, reconcile } = world();
    const tree = recent.get(reconcile("default/a", { writes: 150 }));
    assert.equal(tree?.root.children.length, 99);
    assert.equal(tree?.omittedCount, 52);
    assert.equal(tree?.spanCount, 152);
  });

  test("take the next trace after one that is larger than all they may hold", () => {
    const { recent, reconcile } = world({ maxSpans: 5 });
    reconcile("default/a", { writes: 50 });
    assert.ok(recent.list().length <= 1);
    reconcile("default/b");
    assert.equal(recent.list()[0]?.key, "default/b");
  });
});

function world(limits: { readonly maxTraces?: number; readonly maxSpans?: number } = {}) {
  const recent = new RecentTraces(limits);
  const provider = new TracerProvider({ spanProcessors: [] });
  const clock = new VirtualClock();
  const tracer = createReconcileTracer(provider.getTracer("t"), clock, (trace) => recent.add(trace));
  const reconcile = (
    key: string,
    { writes = 0, outcome = "success" }: { readonly writes?: number; readonly outcome?: Outcome } = {},
  ): string => {
    const trace = tracer.start({ ...start, key, queuedMs: 7 });
    for (let i = 0; i < writes; i++)
      trace.request({ verb: "create", kind: "v1/ConfigMap", key: `team-${i}/x` }).end({ result: "ok" });
    trace.end({ outcome, code: outcome === "error" ? "API_FORBIDDEN" : undefined });
    return trace.traceId;
  };
  return { recent, reconcile, clock };
}
