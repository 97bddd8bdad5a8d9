import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { SpanKind, SpanStatusCode, type HrTime, type SpanContext } from "@opentelemetry/api";
import { AlwaysOffSampler, type ReadableSpan } from "@opentelemetry/sdk-trace";
import { attributes as keys, MAX_LISTED } from "../../runtime/trace/names.ts";
import type { Outcome, ReconcileTrace } from "../../runtime/trace/reconcile-trace.ts";
import type { RequestResult } from "../../runtime/trace/request-span.ts";
import type { Wake } from "../../runtime/trace/wake.ts";
import { nothingPlanned, start, tracingWorld, type TracingWorld } from "./spans.ts";

const epochMs = Date.UTC(2026, 0, 1);

suite("one reconcile", () => {
  test("is one trace: queue, run, plan and each write are children of the root, in virtual time", async () => {
    const { clock, exporter, tracer } = tracingWorld();
    await clock.advance(10_000);
    const trace = tracer.start({ ...start, queuedMs: 40 });
    const run = trace.run();
    await clock.advance(2);
    run.end({ reads: [{ query: "v1/Namespace */team-*", count: 2 }], wants: { children: 2, events: 0 }, restarts: 1 });
    await clock.advance(1);
    trace.planned({ ...nothingPlanned, creates: 1, unchanged: 1 });
    const write = trace.request({ verb: "create", kind: "v1/ConfigMap", key: "team-a/settings" });
    await clock.advance(5);
    write.end({ status: 201, result: "ok", auditId: "9b2d" });
    trace.end({ outcome: "success" });

    const spans = exporter.getFinishedSpans();
    const root = only(spans, "reconcile mirror");
    assert.equal(root.parentSpanContext, undefined);
    assert.deepEqual(
      spans.map((span) => [span.name, sinceStart(span.startTime), sinceStart(span.endTime)]),
      [
        ["queue", 9_960, 10_000],
        ["run mirror", 10_000, 10_002],
        ["plan", 10_002, 10_003],
        ["create v1/ConfigMap", 10_003, 10_008],
        ["reconcile mirror", 9_960, 10_008],
      ],
    );
    for (const span of spans) {
      assert.equal(span.spanContext().traceId, trace.traceId);
      if (span !== root) assert.equal(span.parentSpanContext?.spanId, root.spanContext().spanId, span.name);
      assert.equal(span.kind, span.name.startsWith("create") ? SpanKind.CLIENT : SpanKind.INTERNAL);
      assert.equal(span.status.code, SpanStatusCode.UNSET);
    }
    assert.deepEqual(root.attributes, {
      [keys.function]: "mirror",
      [keys.key]: "default/settings",
      [keys.kind]: "v1/ConfigMap",
      [keys.namespace]: "default",
      [keys.name]: "settings",
      [keys.wakes]: ["source added"],
      [keys.wakeCount]: 1,
      [keys.queuedMs]: 40,
      [keys.priority]: 0,
      [keys.attempt]: 0,
      [keys.outcome]: "success",
    });
    assert.deepEqual(only(spans, "run mirror").attributes, {
      [keys.function]: "mirror",
      [keys.reads]: ["v1/Namespace */team-* → 2"],
      [keys.readCount]: 1,
      [keys.restarts]: 1,
      [keys.wantsChildren]: 2,
      [keys.wantsEvents]: 0,
    });
    assert.deepEqual(only(spans, "create v1/ConfigMap").attributes, {
      [keys.verb]: "create",
      [keys.kind]: "v1/ConfigMap",
      [keys.namespace]: "team-a",
      [keys.name]: "settings",
      [keys.httpStatus]: 201,
      [keys.result]: "ok",
      [keys.auditId]: "9b2d",
    });
  });

  test("shows a second look with its own requests and a link to those that others made", async () => {
    const { clock, exporter, tracer } = tracingWorld();
    const other = tracer.start(start).secondLook().request({ verb: "get", kind: "v1/ConfigMap", key: "default/a" });
    const trace = tracer.start(start);
    const look = trace.secondLook();
    const list = look.request({ verb: "list", kind: "v1/Namespace", query: "v1/Namespace */team-*" });
    await clock.advance(7);
    list.end({ result: "ok" });
    look.shared(other.context);
    look.end({ reads: [{ query: "v1/Namespace */team-*", count: 2 }], confirmed: 3, doubted: 1 });
    trace.end({ outcome: "success" });
    const spans = exporter.getFinishedSpans().filter(({ name }) => name !== "queue");
    const span = only(spans, "second look");
    assert.equal(only(spans, "list v1/Namespace").parentSpanContext?.spanId, span.spanContext().spanId);
    assert.equal(only(spans, "list v1/Namespace").attributes[keys.query], "v1/Namespace */team-*");
    assert.deepEqual(
      span.links.map(({ context }) => context.spanId),
      [other.context.spanId],
    );
    assert.deepEqual(span.attributes, {
      [keys.reads]: ["v1/Namespace */team-* → 2"],
      [keys.readCount]: 1,
      [keys.confirmed]: 3,
      [keys.doubted]: 1,
      [keys.sharedReads]: 1,
    });
  });

  test("lasts until the key may run again, and shows what it waited for", async () => {
    const { clock, exporter, tracer } = tracingWorld();
    const trace = tracer.start(start);
    const wait = trace.waitForCache(["v1/ConfigMap team-a/settings"]);
    await clock.advance(250);
    wait.end("ok");
    trace.end({ outcome: "success" });
    const span = only(exporter.getFinishedSpans(), "wait for cache");
    assert.equal(sinceStart(span.endTime) - sinceStart(span.startTime), 250);
    assert.deepEqual(span.attributes, {
      [keys.awaited]: ["v1/ConfigMap team-a/settings"],
      [keys.awaitedCount]: 1,
      [keys.result]: "ok",
    });
  });

  test("does not wait for a request that nobody waits for, nor end it", async () => {
    const { clock, exporter, tracer } = tracingWorld();
    const trace = tracer.start(start);
    const start0 = {
      verb: "create",
      kind: "events.k8s.io/v1/Event",
      key: "default/x",
      eventReason: "NotOurs",
    } as const;
    const event = trace.unawaited.request(start0);
    trace.end({ outcome: "success" });
    assert.equal(
      exporter.getFinishedSpans().some(({ name }) => name.startsWith("create")),
      false,
    );
    await clock.advance(5);
    event.end({ result: "ok" });
    const span = only(exporter.getFinishedSpans(), "create events.k8s.io/v1/Event");
    assert.equal(span.parentSpanContext?.traceId, trace.traceId);
    assert.equal(span.attributes[keys.eventReason], "NotOurs");
    assert.equal(span.attributes[keys.result], "ok");
  });

  test("names a cluster-scoped object without a namespace", () => {
    const world = tracingWorld();
    world.tracer.start({ ...start, key: "team-a", kind: "v1/Namespace" }).end({ outcome: "gone" });
    const { attributes } = only(world.exporter.getFinishedSpans(), "reconcile mirror");
    assert.equal(attributes[keys.name], "team-a");
    assert.ok(!(keys.namespace in attributes));
  });

  test("links to the writes that woke it, and only to those", () => {
    const world = tracingWorld();
    const first = world.tracer.start(start);
    const write = first.request({ verb: "create", kind: "v1/ConfigMap", key: "team-a/settings" });
    write.end({ result: "ok" });
    first.end({ outcome: "success" });
    world.exporter.reset();

    const wakes: Wake[] = [
      { what: "child", change: "added", object: "v1/ConfigMap team-a/settings", cause: write.context },
      { what: "retry" },
    ];
    world.tracer.start({ ...start, wakes, wakeCount: 2 }).end({ outcome: "success" });
    const root = only(world.exporter.getFinishedSpans(), "reconcile mirror");
    assert.deepEqual(
      root.links.map(({ context, attributes }) => [context.spanId, attributes]),
      [[write.context.spanId, { [keys.wake]: "child added v1/ConfigMap team-a/settings" }]],
    );
    assert.notEqual(root.spanContext().traceId, first.traceId);
  });

  test("links to the run that put it off", () => {
    const world = tracingWorld();
    const first = world.tracer.start(start);
    first.end({ outcome: "requeue_after", requeueAfterMs: 300 });
    world.exporter.reset();
    world.tracer.start({ ...start, previous: { context: first.context, as: "requeue" } }).end({ outcome: "success" });
    assert.deepEqual(
      only(world.exporter.getFinishedSpans(), "reconcile mirror").links.map(({ context, attributes }) => [
        context.spanId,
        attributes,
      ]),
      [[first.context.spanId, { [keys.wake]: "requeue" }]],
    );
  });

  const answers = [
    { name: "is linked to a write that is answered later, and keeps the end it had", isOurs: true },
    { name: "is not linked to a write that turns out to be no cause", isOurs: false },
  ];
  for (const { name, isOurs } of answers)
    test(name, async () => {
      const { clock, exporter, tracer, finished } = tracingWorld();
      const write = tracer.start(start).request({ verb: "create", kind: "v1/ConfigMap", key: "team-a/settings" });
      const { promise: cause, resolve } = Promise.withResolvers<SpanContext | undefined>();
      const wake: Wake = { what: "source", change: "added", cause };
      const trace = tracer.start({ ...start, wakes: [wake] });
      await clock.advance(3);
      trace.end({ outcome: "success" });
      await clock.advance(20);
      assert.deepEqual(finished, []);
      resolve(isOurs ? write.context : undefined);
      await clock.advance(0);
      const root = only(exporter.getFinishedSpans(), "reconcile mirror");
      assert.equal(sinceStart(root.endTime) - sinceStart(root.startTime), 3);
      assert.deepEqual(
        root.links.map(({ context }) => context.spanId),
        isOurs ? [write.context.spanId] : [],
      );
      assert.equal(finished.length, 1);
    });

  test("lists wakes, links and reads up to a limit and counts the rest", () => {
    const world = tracingWorld();
    const cause = world.tracer.start(start).request({ verb: "get", kind: "v1/ConfigMap", key: "a/b" }).context;
    const wakes = Array.from({ length: 100 }, (): Wake => ({ what: "read", cause }));
    const trace = world.tracer.start({ ...start, wakes, wakeCount: 5_000 });
    trace.run().end({ reads: Array.from({ length: 70 }, (_, i) => ({ query: `v1/Secret a/${i}`, count: 0 })) });
    trace.end({ outcome: "success" });
    const root = only(world.exporter.getFinishedSpans(), "reconcile mirror");
    const run = only(world.exporter.getFinishedSpans(), "run mirror");
    assert.equal(root.links.length, MAX_LISTED);
    assert.equal(asList(root.attributes[keys.wakes]).length, MAX_LISTED);
    assert.equal(root.attributes[keys.wakeCount], 5_000);
    assert.equal(asList(run.attributes[keys.reads]).length, MAX_LISTED);
    assert.equal(run.attributes[keys.readCount], 70);
  });

  test("ends what was left open as aborted, and everything only once", () => {
    const world = tracingWorld();
    const trace = world.tracer.start(start);
    const run = trace.run();
    const write = trace.request({ verb: "delete", kind: "v1/ConfigMap", key: "a/b" });
    trace.end({ outcome: "error" });
    write.end({ result: "ok", status: 200 });
    run.end({ reads: [] });
    trace.end({ outcome: "success" });
    const spans = world.exporter.getFinishedSpans();
    assert.equal(spans.length, 4);
    assert.equal(only(spans, "delete v1/ConfigMap").attributes[keys.result], "aborted");
    assert.equal(only(spans, "reconcile mirror").attributes[keys.outcome], "error");
    assert.equal(world.finished.length, 1);
  });
});

suite("what counts as an error", () => {
  const results: Record<RequestResult, boolean> = {
    ok: false,
    conflict: false,
    terminating: false,
    not_ours: false,
    not_found: false,
    aborted: false,
    denied: true,
    error: true,
  };
  for (const [result, isError] of Object.entries(results) as [RequestResult, boolean][])
    test(`a write that ends ${result} is ${isError ? "an error" : "an outcome"}`, () => {
      const span = oneSpan("update v1/ConfigMap", (trace) =>
        trace
          .request({ verb: "update", kind: "v1/ConfigMap", key: "a/b" })
          .end({ result, status: 409, code: "API_CONFLICT" }),
      );
      assert.equal(span.attributes[keys.result], result);
      assert.equal(span.attributes[keys.code], "API_CONFLICT");
      assert.equal(span.status.code === SpanStatusCode.ERROR, isError);
    });

  const outcomes: Record<Outcome, boolean> = {
    success: false,
    requeue: false,
    requeue_after: false,
    gone: false,
    error: true,
    terminal: true,
  };
  for (const [outcome, isError] of Object.entries(outcomes) as [Outcome, boolean][])
    test(`a reconcile that ends ${outcome} is ${isError ? "an error" : "none"}`, () => {
      const world = tracingWorld();
      world.tracer.start(start).end({ outcome, requeueAfterMs: 500, code: "FUNCTION_THREW" });
      const root = only(world.exporter.getFinishedSpans(), "reconcile mirror");
      assert.equal(root.attributes[keys.outcome], outcome);
      assert.equal(root.attributes[keys.requeueAfterMs], 500);
      assert.deepEqual(
        root.status,
        isError ? { code: SpanStatusCode.ERROR, message: "FUNCTION_THREW" } : { code: SpanStatusCode.UNSET },
      );
    });

  test("a failing run is an error and still says what it read", () => {
    const span = oneSpan("run mirror", (trace) =>
      trace.run().end({ reads: [{ query: "v1/Namespace */*", count: 3 }], code: "FUNCTION_THREW" }),
    );
    assert.equal(span.status.message, "FUNCTION_THREW");
    assert.deepEqual(span.attributes[keys.reads], ["v1/Namespace */* → 3"]);
  });
});

suite("traceparent", () => {
  test("names the request's own span and that it is sampled; audit-id names the same span", () => {
    const { tracer } = tracingWorld();
    const trace = tracer.start(start);
    const { headers, context } = trace.request({ verb: "create", kind: "v1/ConfigMap", key: "a/b" });
    assert.equal(headers.traceparent, `00-${trace.traceId}-${context.spanId}-01`);
    assert.match(headers.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    assert.equal(headers["audit-id"], `${trace.traceId}-${context.spanId}`);
  });

  test("is valid and says so where the trace is not sampled", () => {
    const { tracer, exporter } = tracingWorld({ sampler: new AlwaysOffSampler() });
    const write = tracer.start(start).request({ verb: "create", kind: "v1/ConfigMap", key: "a/b" });
    assert.match(write.headers.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    write.end({ result: "ok" });
    assert.equal(exporter.getFinishedSpans().length, 0);
  });
});

suite("no object data", () => {
  test("nothing but listed keys is recorded, and error messages are not", () => {
    const world = tracingWorld();
    const trace = world.tracer.start({
      ...start,
      wakes: [{ what: "read", change: "added", query: "v1/Namespace */*" }],
    });
    const wants = { children: 1, deletions: 1, releases: 1, applies: 1, status: 1, events: 1, scales: 1 };
    trace.run().end({ reads: [{ query: "q", count: 1 }], wants, restarts: 2, code: "FUNCTION_THREW" });
    trace.run().end({ reads: [], isReused: true });
    const counts = { creates: 1, updates: 2, deletes: 3, releases: 4, applies: 5, unchanged: 6, held: 7, blocked: 8 };
    trace.planned({ ...counts, waits: ["delete v1/ConfigMap a/b: grace"], isDryRun: true });
    const look = trace.secondLook();
    look.request({ verb: "list", kind: "v1/ConfigMap", query: "v1/ConfigMap */*" }).end({ result: "ok" });
    look.end({ reads: [], confirmed: 0, doubted: 1, code: "API_TIMEOUT" });
    trace.request({ verb: "get", kind: "v1/ConfigMap", key: "a/b", asks: "whose is it?" }).end({ result: "not_ours" });
    const event = { verb: "create", kind: "events.k8s.io/v1/Event", key: "a/b" } as const;
    trace.unawaited.request({ ...event, eventReason: "NotOurs" }).end({ result: "conflict" });
    for (const word of ["it says: secret", "", "x".repeat(65)])
      trace.unawaited.request({ ...event, eventReason: word }).end({ result: "ok", reason: word });
    trace.waitForCache(["v1/ConfigMap a/b"]).end("timeout");
    trace
      .request({ verb: "apply", kind: "v1/ConfigMap", key: "a/b" })
      .end({ result: "error", status: 500, auditId: "x", code: "API_REJECTED", reason: "InternalError" });
    trace.end({ outcome: "error", requeueAfterMs: 5, code: "API_REJECTED" });

    const allowed = new Set<string>(Object.values(keys));
    const used = new Set<string>();
    for (const span of world.exporter.getFinishedSpans()) {
      assert.deepEqual(span.events, []);
      for (const key of Object.keys(span.attributes)) used.add(key);
      const { [keys.eventReason]: eventReason = "NotOurs", [keys.statusReason]: statusReason = "InternalError" } =
        span.attributes;
      assert.deepEqual([eventReason, statusReason], ["NotOurs", "InternalError"], "a reason is a word or not there");
    }
    assert.deepEqual(
      [...used].filter((key) => !allowed.has(key)),
      [],
    );
    // The list names nothing that is never written; `wake` is on links.
    assert.deepEqual(
      [...allowed].filter((key) => !used.has(key)),
      [keys.wake],
    );
  });
});

function oneSpan(name: string, act: (trace: ReconcileTrace) => void): ReadableSpan {
  const world: TracingWorld = tracingWorld();
  act(world.tracer.start(start));
  return only(world.exporter.getFinishedSpans(), name);
}

function only(spans: readonly ReadableSpan[], name: string): ReadableSpan {
  const found = spans.filter((span) => span.name === name);
  const [span] = found;
  assert.ok(span !== undefined && found.length === 1, `one span ${name}`);
  return span;
}

function sinceStart([seconds, nanos]: HrTime): number {
  return seconds * 1000 + nanos / 1e6 - epochMs;
}

function asList(value: unknown): readonly unknown[] {
  assert.ok(Array.isArray(value));
  return value;
}
