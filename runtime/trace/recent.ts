/**
 * The last few hundred traces, kept in memory and readable as plain JSON: what happened can be looked up where nothing is
 * exported. Bounded by traces and by spans. Runs that changed nothing are dropped first, so that a relist, which runs every
 * key once, does not push out the trace that somebody is looking for.
 */
import { SpanKind, SpanStatusCode, type Attributes, type HrTime, type Span } from "@opentelemetry/api";
import type { ReadableSpan } from "./memory-tracer.ts";
import type { FinishedTrace, Outcome } from "./reconcile-trace.ts";
import { wakeReason } from "./wake.ts";

export interface TraceSummary {
  readonly traceId: string;
  readonly function: string;
  readonly key: string;
  readonly kind: string;
  readonly outcome: Outcome;
  readonly code: string | undefined;
  /** The first reason. */
  readonly woke: string | undefined;
  readonly wakeCount: number;
  /** RFC 3339; when the key became ready. */
  readonly start: string;
  /** From ready until the key may run again. */
  readonly durationMs: number;
  readonly queuedMs: number;
  readonly spanCount: number;
}

export interface SpanNode {
  readonly name: string;
  readonly spanId: string;
  readonly start: string;
  /** Since the root began. */
  readonly offsetMs: number;
  readonly durationMs: number;
  readonly attributes: Attributes;
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: Attributes }[];
  readonly status: "ok" | "error";
  readonly children: readonly SpanNode[];
}

export interface TraceTree extends TraceSummary {
  /** Spans that are not shown. */
  readonly omittedCount: number;
  readonly root: SpanNode;
}

export interface TraceFilter {
  readonly function?: string | undefined;
  readonly key?: string | undefined;
  readonly outcome?: string | undefined;
}

interface Entry {
  readonly traceId: string;
  readonly trace: FinishedTrace;
  readonly isQuiet: boolean;
}

export class RecentTraces {
  /** In order of their end; a Map is also the index by id. */
  readonly #entries = new Map<string, Entry>();
  readonly #maxTraces: number;
  readonly #maxSpans: number;
  #spanCount = 0;
  #quietCount = 0;

  /** About 1 KB of memory per span. */
  constructor({ maxTraces = 256, maxSpans = 4_096 }: { readonly maxTraces?: number; readonly maxSpans?: number } = {}) {
    this.#maxTraces = maxTraces;
    this.#maxSpans = maxSpans;
  }

  add(trace: FinishedTrace): void {
    const traceId = trace.spans[0]?.spanContext().traceId;
    if (traceId === undefined) return;
    const entry = { traceId, trace, isQuiet: isQuiet(trace) };
    this.#entries.set(traceId, entry);
    this.#spanCount += trace.spans.length;
    if (entry.isQuiet) this.#quietCount++;
    while (this.#entries.size > this.#maxTraces || this.#spanCount > this.#maxSpans) if (!this.#evict()) return;
  }

  /** Newest first. */
  list({ function: functionName, key, outcome }: TraceFilter = {}): TraceSummary[] {
    const summaries: TraceSummary[] = [];
    for (const { trace } of this.#entries.values()) {
      if (functionName !== undefined && trace.start.function !== functionName) continue;
      if (key !== undefined && trace.start.key !== key) continue;
      if (outcome !== undefined && trace.end.outcome !== outcome) continue;
      const root = trace.spans[0];
      if (isReadable(root)) summaries.push(summarize(trace, root));
    }
    return summaries.toReversed();
  }

  get(traceId: string): TraceTree | undefined {
    const trace = this.#entries.get(traceId)?.trace;
    const root = trace?.spans[0];
    if (trace === undefined || !isReadable(root)) return undefined;
    return {
      ...summarize(trace, root),
      omittedCount: trace.omittedCount,
      root: node(root, trace.spans, root.startTime),
    };
  }

  /** Quiet traces may fill a quarter; beyond it, or when there is nothing else, the oldest of them goes first. */
  #evict(): boolean {
    const quietFirst = this.#quietCount > this.#maxTraces / 4;
    for (const entry of this.#entries.values()) {
      if (quietFirst && !entry.isQuiet) continue;
      this.#entries.delete(entry.traceId);
      this.#spanCount -= entry.trace.spans.length;
      if (entry.isQuiet) this.#quietCount--;
      return this.#entries.size > 0;
    }
    return false;
  }
}

/** Nothing was asked of the API server and nothing went wrong. */
function isQuiet({ spans, end }: FinishedTrace): boolean {
  return (
    end.outcome !== "error" &&
    end.outcome !== "terminal" &&
    !spans.some((span) => isReadable(span) && span.kind === SpanKind.CLIENT)
  );
}

/** Our own spans and those of an SDK can be read back; those of another provider behind the API cannot. */
function isReadable(span: Span | undefined): span is ReadableSpan {
  return span !== undefined && "startTime" in span && "attributes" in span;
}

function summarize({ start, end, spans, omittedCount }: FinishedTrace, root: ReadableSpan): TraceSummary {
  const [first] = start.wakes;
  return {
    traceId: root.spanContext().traceId,
    function: start.function,
    key: start.key,
    kind: start.kind,
    outcome: end.outcome,
    code: end.code,
    woke: first === undefined ? undefined : wakeReason(first),
    wakeCount: start.wakeCount,
    start: timestamp(root.startTime),
    durationMs: milliseconds(root.duration),
    queuedMs: start.queuedMs,
    spanCount: spans.length + omittedCount,
  };
}

function node(span: ReadableSpan, all: readonly Span[], began: HrTime): SpanNode {
  const { spanId } = span.spanContext();
  return {
    name: span.name,
    spanId,
    start: timestamp(span.startTime),
    offsetMs: milliseconds([span.startTime[0] - began[0], span.startTime[1] - began[1]]),
    durationMs: milliseconds(span.duration),
    attributes: span.attributes,
    links: span.links.map(({ context, attributes }) => ({
      traceId: context.traceId,
      spanId: context.spanId,
      attributes: attributes ?? {},
    })),
    status: span.status.code === SpanStatusCode.ERROR ? "error" : "ok",
    children: all
      .filter(isReadable)
      // A request that nobody waits for may still be under way.
      .flatMap((child) => (child.ended && child.parentSpanContext?.spanId === spanId ? [node(child, all, began)] : [])),
  };
}

function timestamp([seconds, nanos]: HrTime): string {
  return new Date(seconds * 1000 + nanos / 1e6).toISOString();
}

function milliseconds([seconds, nanos]: HrTime): number {
  return Math.round(seconds * 1e6 + nanos / 1e3) / 1e3;
}
