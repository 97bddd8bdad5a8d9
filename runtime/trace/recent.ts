/**
 * The last few hundred traces, kept in memory and readable as plain JSON: what happened can be looked up where nothing is
 * exported. Bounded by traces and by spans. Runs that changed nothing are dropped first, so that a relist, which runs every
 * key once, does not push out the trace that somebody is looking for; and of many within a second only the first are kept.
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

interface TraceFilter {
  readonly function?: string | undefined;
  readonly key?: string | undefined;
  readonly outcome?: string | undefined;
}

interface Entry {
  readonly traceId: string;
  readonly trace: FinishedTrace;
  /** Which one it was to end, of all. */
  readonly number: number;
}

/**
 * What lives for a moment is freed by V8's small collections; what a busy host keeps for a few hundred runs outlives them and
 * waits for a large one: some 25 of 270 MB after a start with 20 000 keys.
 */
const QUIET_PER_SECOND = 64;

/**
 * Two rows and no Map by id. A Map that takes in and lets go without end is moved to a new table now and then, and in V8 the
 * former table holds on to the next: what it lets go is then freed by a collection of the whole heap only, never by a small one.
 */
export class RecentTraces {
  /** In order of their end, as the others are. */
  readonly #quiet: Entry[] = [];
  readonly #others: Entry[] = [];
  readonly #maxTraces: number;
  readonly #maxSpans: number;
  #spanCount = 0;
  #endedCount = 0;
  /** The present second, and how many quiet traces have ended in it. */
  #second = 0;
  #quietCount = 0;

  /** About 1 KB of memory per span. @param limits for tests, which fill it with fewer */
  constructor({ maxTraces = 256, maxSpans = 4_096 }: { readonly maxTraces?: number; readonly maxSpans?: number } = {}) {
    this.#maxTraces = maxTraces;
    this.#maxSpans = maxSpans;
  }

  add(trace: FinishedTrace): void {
    const [root] = trace.spans;
    if (root === undefined) return;
    const { traceId } = root.spanContext();
    const isOfQuiet = isQuiet(trace);
    if (isOfQuiet && isReadable(root) && this.#isOneTooMany(root)) return;
    const row = isOfQuiet ? this.#quiet : this.#others;
    row.push({ traceId, trace, number: this.#endedCount++ });
    this.#spanCount += trace.spans.length;
    while (this.#quiet.length + this.#others.length > this.#maxTraces || this.#spanCount > this.#maxSpans)
      this.#evict();
  }

  /** Newest first. */
  list({ function: functionName, key, outcome }: TraceFilter = {}): TraceSummary[] {
    const summaries: TraceSummary[] = [];
    for (const { trace } of [...this.#quiet, ...this.#others].toSorted((a, b) => b.number - a.number)) {
      if (functionName !== undefined && trace.start.function !== functionName) continue;
      if (key !== undefined && trace.start.key !== key) continue;
      if (outcome !== undefined && trace.end.outcome !== outcome) continue;
      const root = trace.spans[0];
      if (isReadable(root)) summaries.push(summarize(trace, root));
    }
    return summaries;
  }

  get(traceId: string): TraceTree | undefined {
    const isIt = (entry: Entry): boolean => entry.traceId === traceId;
    const trace = (this.#others.find(isIt) ?? this.#quiet.find(isIt))?.trace;
    const root = trace?.spans[0];
    if (trace === undefined || !isReadable(root)) return undefined;
    return {
      ...summarize(trace, root),
      omittedCount: trace.omittedCount,
      root: node(root, trace.spans, root.startTime),
    };
  }

  #isOneTooMany({ startTime: [seconds, nanos], duration }: ReadableSpan): boolean {
    const second = Math.floor(seconds + duration[0] + (nanos + duration[1]) / 1e9);
    if (second !== this.#second) [this.#second, this.#quietCount] = [second, 0];
    return ++this.#quietCount > QUIET_PER_SECOND;
  }

  /** Quiet traces may fill a quarter; beyond it the oldest of them goes first, up to it the oldest of all. */
  #evict(): void {
    const isFull = this.#quiet.length > this.#maxTraces / 4;
    const row = isFull || isOlder(this.#quiet[0], this.#others[0]) ? this.#quiet : this.#others;
    this.#spanCount -= row.shift()?.trace.spans.length ?? 0;
  }
}

function isOlder(entry: Entry | undefined, other: Entry | undefined): boolean {
  return entry !== undefined && (other === undefined || entry.number < other.number);
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
