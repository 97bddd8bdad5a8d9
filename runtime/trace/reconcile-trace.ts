/**
 * One trace per reconcile. The root span starts when the key became ready and ends when it is settled:
 *
 *   reconcile mirror                 links to the writes that woke it
 *   ├─ queue                         ready → picked up
 *   ├─ run mirror                    what was read, what is wanted
 *   ├─ plan                          what that comes to
 *   ├─ create v1/ConfigMap           one client span per request; its context travels as `traceparent`
 *   └─ …
 *
 * Parents are passed by hand: no AsyncLocalStorage. Errors appear by code alone, because a message may quote an object.
 */
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from "@opentelemetry/api";
import type { Clock } from "../clock/clock.ts";
import { attributes as keys, MAX_LISTED, spanNames } from "./names.ts";
import { SpanTime } from "./span-time.ts";
import { wakeReason, type Wake } from "./wake.ts";

export interface ReconcileStart {
  readonly function: string;
  /** `NAMESPACE/NAME`, or `NAME` where the kind is cluster-scoped. */
  readonly key: string;
  /** `v1/ConfigMap` */
  readonly kind: string;
  /** The first few reasons; `wakeCount` counts all of them. */
  readonly wakes: readonly Wake[];
  readonly wakeCount: number;
  /** From ready to now. */
  readonly queuedMs: number;
  readonly priority: number;
  /** 0 for the first try. */
  readonly attempt: number;
}

/** `gone`: there is no such object any more. `terminal`: an error that is not retried. `aborted`: the host is stopping. */
export type Outcome = "success" | "requeue" | "requeue_after" | "gone" | "error" | "terminal" | "aborted";

export interface ReconcileEnd {
  readonly outcome: Outcome;
  readonly requeueAfterMs?: number | undefined;
  /** Of the error, when there is one. */
  readonly code?: string | undefined;
}

/** One tracked read: the query as printed by formatQuery, and how many objects answered it. */
export interface Read {
  readonly query: string;
  readonly count: number;
}

/** How many effects of each sort the function returned. Absent: it said nothing about them. */
export interface Wants {
  readonly children?: number | undefined;
  readonly deletions?: number | undefined;
  readonly releases?: number | undefined;
  readonly applies?: number | undefined;
  readonly status?: number | undefined;
  readonly events?: number | undefined;
  readonly scales?: number | undefined;
}

export interface RunEnd {
  readonly reads: readonly Read[];
  readonly wants?: Wants | undefined;
  /** How often the function was run again because a read had no answer yet. */
  readonly restarts?: number | undefined;
  /** Of the error, when the run failed. */
  readonly code?: string | undefined;
}

export interface RunSpan {
  /** A second call does nothing. */
  end(end: RunEnd): void;
}

export interface PlanCounts {
  readonly creates: number;
  readonly updates: number;
  readonly deletes: number;
  readonly releases?: number | undefined;
  readonly applies: number;
  readonly unchanged: number;
  readonly held: number;
  readonly blocked: number;
}

export type Verb = "create" | "update" | "delete" | "apply" | "release" | "status" | "scale" | "event" | "get" | "list";

/** Conflicts and the like are what a level-triggered loop lives with: only `denied` and `error` mark a span as failed. */
export type WriteResult = "ok" | "conflict" | "terminating" | "not_ours" | "not_found" | "denied" | "error" | "aborted";

export interface WriteEnd {
  /** The HTTP status, when there was an answer. */
  readonly status?: number | undefined;
  readonly result: WriteResult;
  /** The response header `Audit-ID`. */
  readonly auditId?: string | undefined;
  readonly code?: string | undefined;
}

export interface WriteSpan {
  /** The value of the request header `traceparent`. */
  readonly traceparent: string;
  readonly context: SpanContext;
  /** A second call does nothing. */
  end(end: WriteEnd): void;
}

export interface ReconcileTrace {
  readonly traceId: string;
  run(): RunSpan;
  /** Call it when planning is done: the span reaches back to the end of the last run. */
  planned(counts: PlanCounts): void;
  write(request: { readonly verb: Verb; readonly kind: string; readonly key: string }): WriteSpan;
  /** Ends what is still open, then the root. A second call does nothing. */
  end(end: ReconcileEnd): void;
}

export interface ReconcileTracer {
  start(start: ReconcileStart): ReconcileTrace;
}

/** A whole trace, its spans in order of start; the first is the root. */
export interface FinishedTrace {
  readonly start: ReconcileStart;
  readonly end: ReconcileEnd;
  readonly spans: readonly Span[];
  /** Spans beyond what is kept; they were exported like the others. */
  readonly omittedCount: number;
}

/** Memory, not truth: a reconcile of a thousand writes shows its first hundred in the recent traces. */
const MAX_SPANS_KEPT = 100;

/** @param finished is handed every trace when it ends. */
export function createReconcileTracer(
  tracer: Tracer,
  clock: Clock,
  finished: (trace: FinishedTrace) => void,
): ReconcileTracer {
  return { start: (start) => new Reconcile(tracer, clock, finished, start) };
}

class Reconcile implements ReconcileTrace {
  readonly traceId: string;
  readonly #tracer: Tracer;
  readonly #time: SpanTime;
  readonly #finished: (trace: FinishedTrace) => void;
  readonly #start: ReconcileStart;
  readonly #root: Span;
  readonly #underRoot: Context;
  readonly #spans: Span[];
  /** When the last run ended: where the plan begins. */
  #mark: HrTime;

  constructor(tracer: Tracer, clock: Clock, finished: (trace: FinishedTrace) => void, start: ReconcileStart) {
    this.#tracer = tracer;
    this.#time = new SpanTime(clock);
    this.#finished = finished;
    this.#start = start;
    const ready = this.#time.ago(start.queuedMs);
    this.#root = tracer.startSpan(
      spanNames.reconcile(start.function),
      { startTime: ready, attributes: rootAttributes(start), links: causes(start.wakes) },
      ROOT_CONTEXT,
    );
    this.traceId = this.#root.spanContext().traceId;
    this.#spans = [this.#root];
    this.#underRoot = trace.setSpan(ROOT_CONTEXT, this.#root);
    this.#mark = this.#time.now();
    this.#child(spanNames.queue, SpanKind.INTERNAL, {}, ready).end(this.#mark);
  }

  run(): RunSpan {
    const name = this.#start.function;
    const span = this.#child(spanNames.run(name), SpanKind.INTERNAL, { [keys.function]: name }, this.#time.now());
    return {
      end: (end) => {
        if (!span.isRecording()) return;
        this.#mark = this.#time.now();
        endRun(span, end, this.#mark);
      },
    };
  }

  planned(counts: PlanCounts): void {
    const attributes = {
      [keys.planCreates]: counts.creates,
      [keys.planUpdates]: counts.updates,
      [keys.planDeletes]: counts.deletes,
      [keys.planReleases]: counts.releases ?? 0,
      [keys.planApplies]: counts.applies,
      [keys.planUnchanged]: counts.unchanged,
      [keys.planHeld]: counts.held,
      [keys.planBlocked]: counts.blocked,
    };
    this.#child(spanNames.plan, SpanKind.INTERNAL, attributes, this.#mark).end(this.#time.now());
  }

  write({ verb, kind, key }: { readonly verb: Verb; readonly kind: string; readonly key: string }): WriteSpan {
    const attributes: Attributes = { [keys.verb]: verb, [keys.kind]: kind };
    setKey(attributes, key);
    const span = this.#child(spanNames.write(verb, kind), SpanKind.CLIENT, attributes, this.#time.now());
    return new Write(span, this.#time);
  }

  end(end: ReconcileEnd): void {
    if (!this.#root.isRecording()) return;
    const now = this.#time.now();
    for (const span of this.#spans)
      if (span !== this.#root && span.isRecording()) span.setAttribute(keys.result, "aborted").end(now);
    endRoot(this.#root, end, now);
    const omittedCount = Math.max(0, this.#spans.length - MAX_SPANS_KEPT);
    const spans = omittedCount === 0 ? this.#spans : this.#spans.slice(0, MAX_SPANS_KEPT);
    this.#finished({ start: this.#start, end, spans, omittedCount });
  }

  #child(name: string, kind: SpanKind, attributes: Attributes, startTime: HrTime): Span {
    const span = this.#tracer.startSpan(name, { kind, attributes, startTime }, this.#underRoot);
    this.#spans.push(span);
    return span;
  }
}

class Write implements WriteSpan {
  readonly context: SpanContext;
  readonly #span: Span;
  readonly #time: SpanTime;

  constructor(span: Span, time: SpanTime) {
    this.#span = span;
    this.#time = time;
    this.context = span.spanContext();
  }

  /** W3C Trace Context, version 00. */
  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.context;
    return `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? "00" : "01"}`;
  }

  end({ status, result, auditId, code }: WriteEnd): void {
    const span = this.#span;
    if (!span.isRecording()) return;
    span.setAttribute(keys.result, result);
    if (status !== undefined) span.setAttribute(keys.httpStatus, status);
    if (auditId !== undefined) span.setAttribute(keys.auditId, auditId);
    if (result === "error" || result === "denied") fail(span, code ?? result);
    else if (code !== undefined) span.setAttribute(keys.code, code);
    span.end(this.#time.now());
  }
}

function rootAttributes(start: ReconcileStart): Attributes {
  const attributes: Attributes = {
    [keys.function]: start.function,
    [keys.key]: start.key,
    [keys.kind]: start.kind,
    [keys.wakes]: start.wakes.slice(0, MAX_LISTED).map(wakeReason),
    [keys.wakeCount]: start.wakeCount,
    [keys.queuedMs]: start.queuedMs,
    [keys.priority]: start.priority,
    [keys.attempt]: start.attempt,
  };
  setKey(attributes, start.key);
  return attributes;
}

function causes(wakes: readonly Wake[]): Link[] {
  const links: Link[] = [];
  for (const wake of wakes) {
    if (wake.cause === undefined || links.length === MAX_LISTED) continue;
    links.push({ context: wake.cause, attributes: { [keys.wake]: wakeReason(wake) } });
  }
  return links;
}

function setKey(attributes: Attributes, key: string): void {
  const slash = key.indexOf("/");
  if (slash > 0) attributes[keys.namespace] = key.slice(0, slash);
  attributes[keys.name] = key.slice(slash + 1);
}

function printReads(reads: readonly Read[]): string[] {
  return reads.slice(0, MAX_LISTED).map(({ query, count }) => `${query} → ${count}`);
}

const wantKeys = [
  ["children", keys.wantsChildren],
  ["deletions", keys.wantsDeletions],
  ["releases", keys.wantsReleases],
  ["applies", keys.wantsApplies],
  ["status", keys.wantsStatus],
  ["events", keys.wantsEvents],
  ["scales", keys.wantsScales],
] as const;

function setWants(span: Span, wants: Wants): void {
  for (const [field, key] of wantKeys) {
    const count = wants[field];
    if (count !== undefined) span.setAttribute(key, count);
  }
}

function endRun(span: Span, { reads, wants, restarts, code }: RunEnd, at: HrTime): void {
  span.setAttribute(keys.readCount, reads.length);
  span.setAttribute(keys.reads, printReads(reads));
  if (restarts !== undefined) span.setAttribute(keys.restarts, restarts);
  if (wants !== undefined) setWants(span, wants);
  if (code !== undefined) fail(span, code);
  span.end(at);
}

function endRoot(span: Span, { outcome, requeueAfterMs, code }: ReconcileEnd, at: HrTime): void {
  span.setAttribute(keys.outcome, outcome);
  if (requeueAfterMs !== undefined) span.setAttribute(keys.requeueAfterMs, requeueAfterMs);
  if (outcome === "error" || outcome === "terminal") fail(span, code ?? outcome);
  else if (code !== undefined) span.setAttribute(keys.code, code);
  span.end(at);
}

function fail(span: Span, code: string): void {
  span.setAttribute(keys.code, code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
}
