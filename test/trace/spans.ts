/** A tracer in virtual time whose spans end up in an array. */
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider, type Sampler } from "@opentelemetry/sdk-trace";
import type {
  FinishedTrace,
  PlanCounts,
  ReconcileStart,
  ReconcileTracer,
} from "../../runtime/trace/reconcile-trace.ts";
import { createReconcileTracer } from "../../runtime/trace/reconcile-tracer.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

export interface TracingWorld {
  readonly clock: VirtualClock;
  readonly exporter: InMemorySpanExporter;
  readonly tracer: ReconcileTracer;
  readonly finished: FinishedTrace[];
}

export function tracingWorld({ sampler }: { readonly sampler?: Sampler } = {}): TracingWorld {
  const clock = new VirtualClock();
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
    ...(sampler === undefined ? {} : { sampler }),
  });
  const finished: FinishedTrace[] = [];
  const tracer = createReconcileTracer(provider.getTracer("evenkeel"), clock, (trace) => finished.push(trace));
  return { clock, exporter, tracer, finished };
}

export const start: ReconcileStart = {
  function: "mirror",
  key: "default/settings",
  kind: "v1/ConfigMap",
  wakes: [{ what: "source", change: "added", object: "v1/ConfigMap default/settings" }],
  wakeCount: 1,
  queuedMs: 0,
  priority: 0,
  attempt: 0,
};

export const nothingPlanned: PlanCounts = {
  creates: 0,
  updates: 0,
  deletes: 0,
  releases: 0,
  applies: 0,
  unchanged: 0,
  held: 0,
  blocked: 0,
  waits: [],
  isDryRun: false,
};
