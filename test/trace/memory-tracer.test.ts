/** Where nothing is exported, the recent traces show what they would show of the SDK's spans. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { isSpanContextValid, ROOT_CONTEXT, SpanStatusCode, trace, TraceFlags } from "@opentelemetry/api";
import { AlwaysOffSampler, AlwaysOnSampler, TracerProvider, type Sampler } from "@opentelemetry/sdk-trace";
import { samplingBy } from "../../runtime/trace/sampler.ts";
import { MemoryTracer } from "../../runtime/trace/memory-tracer.ts";
import { RecentTraces } from "../../runtime/trace/recent.ts";
import type { ReconcileTrace } from "../../runtime/trace/reconcile-trace.ts";
import { createReconcileTracer, type SpanStarter } from "../../runtime/trace/reconcile-tracer.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { nothingPlanned, start } from "./spans.ts";

const cause = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: TraceFlags.SAMPLED };

interface Script {
  readonly name: string;
  readonly run: (it: ReconcileTrace, clock: VirtualClock) => void | Promise<void>;
}

const scripts: readonly Script[] = [
  { name: "a quiet run", run: (it) => it.end({ outcome: "success" }) },
  {
    name: "a run that writes and waits",
    async run(it, clock) {
      const run = it.run();
      await clock.advance(3);
      run.end({ reads: [{ query: "v1/Namespace */team-*", count: 2 }], wants: { children: 2 } });
      it.planned({ ...nothingPlanned, creates: 2 });
      const [first, second] = ["team-a/x", "team-b/x"].map((key) =>
        it.request({ verb: "create", kind: "v1/ConfigMap", key }),
      );
      await clock.advance(1_500);
      first?.end({ result: "ok", status: 201 });
      second?.end({ result: "denied", status: 403, code: "API_FORBIDDEN", reason: "Forbidden" });
      const wait = it.waitForCache(["v1/ConfigMap team-a/x"]);
      await clock.advance(5);
      wait.end("ok");
      it.end({ outcome: "error", code: "API_FORBIDDEN", requeueAfterMs: 5 });
    },
  },
  {
    name: "a second look, with shared reads",
    run(it) {
      const look = it.secondLook();
      look.request({ verb: "get", kind: "v1/ConfigMap", key: "default/x" }).end({ result: "not_found", status: 404 });
      look.shared(cause);
      look.end({ reads: [], confirmed: 1, doubted: 0 });
      it.end({ outcome: "success" });
    },
  },
  {
    name: "what is left open",
    run(it) {
      it.run();
      it.request({ verb: "update", kind: "v1/ConfigMap", key: "team-a/x" });
      it.unawaited.request({ verb: "create", kind: "events.k8s.io/v1/Event", eventReason: "Conflict" });
      it.end({ outcome: "error" });
    },
  },
];

suite("memory tracer", () => {
  for (const { name, run } of scripts)
    test(`shows the same as the SDK of ${name}`, async () => {
      const sdk = new TracerProvider({ sampler: new AlwaysOnSampler() }).getTracer("evenkeel");
      const [ours, theirs] = [new VirtualClock(), new VirtualClock()];
      const made = await shown(run, new MemoryTracer(ours), ours);
      assert.ok(made.includes("evenkeel.wakes"));
      assert.equal(made, await shown(run, sdk, theirs));
    });

  const flags: readonly [Sampler, TraceFlags][] = [
    [new AlwaysOnSampler(), TraceFlags.SAMPLED],
    [new AlwaysOffSampler(), TraceFlags.NONE],
  ];
  for (const [sampler, traceFlags] of flags)
    test(`the flag that travels is what ${sampler.toString()} says, for the whole trace`, () => {
      const tracer = new MemoryTracer(new VirtualClock(), samplingBy(sampler));
      const root = tracer.startSpan("root", { startTime: [1, 0] }, ROOT_CONTEXT);
      const child = tracer.startSpan("child", { startTime: [1, 0] }, trace.setSpan(ROOT_CONTEXT, root));
      assert.deepEqual(
        [root, child].map((span) => span.spanContext().traceFlags),
        [traceFlags, traceFlags],
      );
    });

  test("ids are valid, and no two are the same", () => {
    const tracer = new MemoryTracer(new VirtualClock());
    const contexts = Array.from({ length: 1_000 }, () =>
      tracer.startSpan("x", { startTime: [1, 0] }, ROOT_CONTEXT).spanContext(),
    );
    assert.ok(contexts.every((context) => isSpanContextValid(context)));
    assert.equal(new Set(contexts.map(({ traceId }) => traceId)).size, 1_000);
    assert.equal(new Set(contexts.map(({ spanId }) => spanId)).size, 1_000);
  });

  test("after its end nothing changes a span", () => {
    const span = new MemoryTracer(new VirtualClock()).startSpan(
      "x",
      { startTime: [1, 999_999_999], attributes: { a: 1 } },
      ROOT_CONTEXT,
    );
    span.end([3, 1]);
    span
      .setAttribute("b", 1)
      .setAttributes({ c: 1 })
      .addLink({ context: cause })
      .setStatus({ code: SpanStatusCode.ERROR });
    span.end([9, 0]);
    assert.deepEqual(
      [span.attributes, span.links, span.status, span.duration, span.isRecording()],
      [{ a: 1 }, [], { code: SpanStatusCode.UNSET }, [1, 2], false],
    );
  });

  test("what is said of one span is said of no other", () => {
    const tracer = new MemoryTracer(new VirtualClock());
    const [changed, other] = ["x", "y"].map((name) => tracer.startSpan(name, { startTime: [1, 0] }, ROOT_CONTEXT));
    changed
      ?.setAttribute("a", 1)
      .addLink({ context: cause })
      .addLink({ context: cause })
      .setStatus({ code: SpanStatusCode.ERROR })
      .end([2, 0]);
    assert.deepEqual([changed?.links.length, changed?.duration], [2, [1, 0]]);
    assert.deepEqual(
      [other?.attributes, other?.links, other?.status, other?.duration],
      [{}, [], { code: SpanStatusCode.UNSET }, [0, 0]],
    );
  });
});

/** What the recent traces show of `run`, traced by `tracer`. */
async function shown(run: Script["run"], tracer: SpanStarter, clock: VirtualClock): Promise<string> {
  const recent = new RecentTraces();
  const it = createReconcileTracer(tracer, clock, (finished) => recent.add(finished)).start({
    ...start,
    queuedMs: 7,
    wakes: [{ what: "child", change: "deleted", object: "v1/ConfigMap team-a/x", cause }],
  });
  await run(it, clock);
  return withoutIds(recent.get(it.traceId));
}

/** Ids in order of appearance. */
function withoutIds(shown: unknown): string {
  const ids = new Map<string, string>();
  return JSON.stringify(shown, undefined, 1).replaceAll(/\b[0-9a-f]{32}(-[0-9a-f]{16})?\b|\b[0-9a-f]{16}\b/g, (id) =>
    ids.getOrInsertComputed(id, () => `id ${ids.size}`),
  );
}
