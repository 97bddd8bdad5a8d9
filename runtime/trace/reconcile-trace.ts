/**
 * One trace per reconcile. The root span starts when the key became ready and ends when it may run again:
 *
 *   reconcile mirror                 links to the writes that woke it, and to the run that put it off
 *   ├─ queue                         ready → picked up
 *   ├─ run mirror                    what was read, what is wanted
 *   ├─ plan                          what that comes to, and what waits
 *   ├─ second look                   before deletions: the same run on live answers
 *   │  └─ get v1/ConfigMap           one client span per request; its context travels as `traceparent`
 *   ├─ create v1/ConfigMap
 *   └─ wait for cache                until the cache has seen what was written
 *
 * Errors appear by code alone, because a message may quote an object. This is what can be told of a reconcile;
 * reconcile-tracer.ts makes the spans.
 */
import type { Span, SpanContext } from "@opentelemetry/api";
import type { Requests } from "./request-span.ts";
import type { Read, RunSpan } from "./run-span.ts";
import type { Wake } from "./wake.ts";

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
  /** The run that put this one off, where nothing else woke the key. */
  readonly previous?: { readonly context: SpanContext; readonly as: "retry" | "requeue" } | undefined;
}

/** `gone`: there is no such object any more. `terminal`: an error that is not retried. */
export type Outcome = "success" | "requeue" | "requeue_after" | "gone" | "error" | "terminal";

export interface ReconcileEnd {
  readonly outcome: Outcome;
  /** When the key runs again, if nothing wakes it sooner: from settled on, back-off included. */
  readonly requeueAfterMs?: number | undefined;
  /** Of the error, when there is one. */
  readonly code?: string | undefined;
}

export interface PlanCounts {
  readonly creates: number;
  readonly updates: number;
  readonly deletes: number;
  readonly releases: number;
  readonly applies: number;
  readonly unchanged: number;
  readonly held: number;
  readonly blocked: number;
  /** What is held or blocked, and why: `delete v1/ConfigMap team-a/settings: grace`. */
  readonly waits: readonly string[];
  /** Planned only. */
  readonly isDryRun: boolean;
}

interface SecondLookEnd {
  readonly reads: readonly Read[];
  /** Of the deletions in question. */
  readonly confirmed: number;
  readonly doubted: number;
  /** Of the error, when nothing could be found out. */
  readonly code?: string | undefined;
}

export interface SecondLookSpan extends Requests {
  /** A read was answered by a request that was made for another key: `context` is its span, if it is known. */
  shared(context: SpanContext | undefined): void;
  end(end: SecondLookEnd): void;
}

export interface CacheWaitSpan {
  /** `timeout`: the key goes on without having seen its writes. */
  end(result: "ok" | "timeout" | "aborted"): void;
}

export interface ReconcileTrace extends Requests {
  readonly traceId: string;
  /** Of the root. */
  readonly context: SpanContext;
  run(): RunSpan;
  /** Call it when planning is done: the span reaches back to the end of the last run. */
  planned(counts: PlanCounts): void;
  secondLook(): SecondLookSpan;
  /** Requests that nobody waits for: their spans may end after the trace. */
  readonly unawaited: Requests;
  /** @param objects `v1/ConfigMap team-a/settings` */
  waitForCache(objects: readonly string[]): CacheWaitSpan;
  /**
   * Ends what is still open, then the root. A second call does nothing. The root is handed on a little later, with the end it
   * had, where it is not known yet which write woke it.
   */
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
