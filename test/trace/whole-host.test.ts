/** What the spans of a whole host say, in virtual time: the rest of the path of a key is as it is in production. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { SpanStatusCode, type HrTime } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { attributes as keys } from "../../runtime/trace/names.ts";
import { source } from "../scenario/objects.ts";
import { world, type World } from "../scenario/world.ts";

suite("a trace of the host", () => {
  test("links to the write that woke it, also where the event comes before the answer", async (context) => {
    // In process every event does.
    const w = await world(context);
    await w.converged();
    await w.create(source("default/settings"));
    await w.converged();
    const creates = named(w, "create v1/ConfigMap").map((span) => span.spanContext().spanId);
    assert.equal(creates.length, 2);
    const linked = named(w, "reconcile cleanup-on-delete").flatMap(({ links }) =>
      links.map((link) => link.context.spanId),
    );
    for (const create of creates) assert.ok(linked.includes(create), `${linked.join(" ")} has ${create}`);
  });

  const delays = [
    { name: "shows how long the key waited for the cache", delayMs: 250, waitMs: 250, result: "ok" },
    { name: "shows that the key gave up waiting for the cache", delayMs: 12_000, waitMs: 10_000, result: "timeout" },
  ];
  for (const { name, delayMs, waitMs, result } of delays)
    test(name, async (context) => {
      const w = await world(context, { objects: [source("default/settings")] });
      w.delayWatches(delayMs);
      await w.advance(30_000);
      const [wait] = named(w, "wait for cache");
      assert.ok(wait !== undefined);
      assert.equal(wait.attributes[keys.result], result);
      assert.deepEqual(asSorted(wait.attributes[keys.awaited]), [
        "v1/ConfigMap team-a/settings",
        "v1/ConfigMap team-b/settings",
      ]);
      const tookMs = milliseconds(wait.endTime) - milliseconds(wait.startTime);
      assert.ok(tookMs <= waitMs && tookMs > waitMs - 20, `${tookMs} ms`);
      const [root] = named(w, "reconcile mirror");
      assert.deepEqual(root?.endTime, wait.endTime);
      // What the watch still holds back has to come through before it can be ended.
      w.delayWatches(0);
      await w.advance(delayMs);
    });

  test("says when a failed write is tried again", async (context) => {
    const w = await world(context, {
      objects: [source("default/settings")],
      rule: ({ method, resource }) =>
        method === "POST" && resource === "configmaps" ? { do: "answer", status: 500 } : undefined,
    });
    await w.advance(2_000);
    const [first, second] = named(w, "reconcile mirror");
    assert.ok(first !== undefined);
    assert.equal(first.status.code, SpanStatusCode.ERROR);
    assert.equal(first.attributes[keys.outcome], "error");
    const waitMs = Number(first.attributes[keys.requeueAfterMs]);
    assert.ok(waitMs > 0 && waitMs < 1_000, `${waitMs} ms`);
    assert.deepEqual(second?.attributes[keys.wakes], ["retry"]);
    assert.equal(second.attributes[keys.attempt], 1);
    const readyMs = milliseconds(second.startTime) - milliseconds(first.endTime);
    assert.ok(Math.abs(readyMs - waitMs) < 1, `${readyMs} ms after ${waitMs} were said`);
    assert.deepEqual(
      second.links.map(({ context: { spanId }, attributes }) => [spanId, attributes?.[keys.wake]]),
      [[first.spanContext().spanId, "retry"]],
    );
  });

  test("says of each request what the API server answered", async (context) => {
    const w = await world(context, { objects: [source("default/settings")] });
    await w.converged();
    const answers = named(w, "create v1/ConfigMap").map(({ attributes }) => attributes[keys.httpStatus]);
    assert.deepEqual(answers, [201, 201]);
  });

  test("says what was not written, and why", async (context) => {
    const w = await world(context, { objects: [source("default/settings")], dryRun: true });
    await w.converged();
    const plan = named(w, "plan").find(({ attributes }) => attributes[keys.planCreates] === 2);
    assert.equal(plan?.attributes[keys.dryRun], true);
    await w.apply({ dryRun: false });
    await w.converged();
    w.spans.reset();
    await w.delete(ConfigMap, "default/settings");
    await w.advance(100);
    const waits = named(w, "plan").flatMap(({ attributes }) => attributes[keys.planWaits] ?? []);
    assert.deepEqual(asSorted(waits), [
      "delete v1/ConfigMap team-a/settings: grace",
      "delete v1/ConfigMap team-b/settings: grace",
    ]);
  });

  test("says that old copies wait for a new one", async (context) => {
    const w = await world(context, { objects: [source("default/settings")], namespaces: ["team-a", "squad-a"] });
    await w.converged();
    w.rule(({ verb, key }) =>
      verb === "create" && key === "squad-a/settings" ? { do: "answer", status: 503 } : undefined,
    );
    await w.apply({ config: { mirror: { prefixes: ["squad-"] } } });
    await w.advance(2_000);
    const [last] = named(w, "plan")
      .filter(({ attributes }) => attributes[keys.planHeld] === 1)
      .slice(-1);
    assert.deepEqual(last?.attributes[keys.planWaits], ["delete v1/ConfigMap team-a/settings: create_first"]);
  });

  test("a key whose object is gone says so", async (context) => {
    const w = await world(context);
    await w.converged();
    await w.create(source("default/settings"));
    await w.converged();
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    const outcomes = named(w, "reconcile mirror").map(({ attributes }) => attributes[keys.outcome]);
    assert.equal(outcomes.at(-1), "gone");
  });
});

function named(w: World, name: string): readonly ReadableSpan[] {
  const spans = w.spans.getFinishedSpans().filter((span) => span.name === name);
  return spans.toSorted((a, b) => milliseconds(a.startTime) - milliseconds(b.startTime));
}

function milliseconds([seconds, nanos]: HrTime): number {
  return seconds * 1000 + nanos / 1e6;
}

function asSorted(value: unknown): readonly string[] {
  assert.ok(Array.isArray(value));
  return value.map(String).toSorted();
}
