/** One key, explained: why did it run, what did it read, what does it own, what stands in its way. */
import type { Clock } from "../clock/clock.ts";
import { describe } from "../kube/kind.ts";
import type { RecentTraces, TraceTree } from "../trace/recent.ts";
import { attributes } from "../trace/names.ts";
import type { ActiveFunction } from "./function-set.ts";
import { reconcileStatus, type ReconcileStatus } from "./reconcile-status.ts";
import type { TraceLink } from "./trace-link.ts";

export interface KeyStatus {
  readonly function: string;
  readonly key: string;
  /** `v1/ConfigMap` */
  readonly kind: string;
  /** Whether there is such an object among those that the function watches. */
  readonly exists: boolean;
  readonly isRunning: boolean;
  /** Failures in a row. */
  readonly retries: number;
  /** Why the last run that is still kept happened, first come first. */
  readonly wakes: readonly string[];
  /** What it depends on; `readCount` counts those beyond the first. */
  readonly reads: readonly string[];
  readonly readCount: number;
  /** `v1/ConfigMap team-a/settings` */
  readonly children: readonly string[];
  readonly childCount: number;
  readonly obstacles: readonly Obstacle[];
  /** Newest first. */
  readonly reconciles: readonly ReconcileStatus[];
  /** Of the newest of them. */
  readonly traces: readonly TraceTree[];
}

export interface Obstacle {
  /** `v1/ConfigMap team-a/settings` */
  readonly target: string;
  readonly reason: string;
  /** When it is tried again; undefined: as soon as it changes. */
  readonly inMs: number | undefined;
}

/** A key may read or own thousands; a page is for people. */
const LISTED = 100;
const RECONCILES_SHOWN = 10;
const TRACES_SHOWN = 3;
const KEYS_SUGGESTED = 20;

export function keyStatus(
  { loaded, cache, controller }: ActiveFunction,
  key: string,
  {
    recent,
    clock,
    traceLink,
  }: { readonly recent: RecentTraces; readonly clock: Clock; readonly traceLink: TraceLink | undefined },
): KeyStatus {
  const source = cache.source(key);
  const children = source === undefined ? [] : cache.childrenOf(source);
  const { reads, isRunning, retries, blocked, refused } = controller.explain(key);
  const runs = recent.list({ function: loaded.name, key }).slice(0, RECONCILES_SHOWN);
  const traces = runs.slice(0, TRACES_SHOWN).flatMap(({ traceId }) => recent.get(traceId) ?? []);
  return {
    function: loaded.name,
    key,
    kind: cache.sourceKind,
    exists: source !== undefined,
    isRunning,
    retries,
    wakes: wakesOf(traces[0]),
    reads: reads.slice(0, LISTED),
    readCount: reads.length,
    children: children.slice(0, LISTED).map(describe),
    childCount: children.length,
    obstacles: [
      ...refused.slice(0, LISTED).map((target) => ({ target, reason: reasons.not_ours, inMs: undefined })),
      ...[...blocked].slice(0, LISTED).map(([target, { reason, nextTryMs }]) => ({
        target,
        reason: reasons[reason],
        inMs: Math.max(0, nextTryMs - clock.now()),
      })),
    ],
    reconciles: runs.map((run) => reconcileStatus(run, { recent, traceLink })),
    traces,
  };
}

export function keysLike({ cache }: ActiveFunction, text: string): readonly string[] {
  return Iterator.from(cache.keys())
    .filter((key) => key.includes(text))
    .take(KEYS_SUGGESTED)
    .toArray();
}

const reasons = {
  not_ours: "exists and is not ours: it is never overwritten; the Event NotOurs says whose it is",
  terminating: "its namespace is being deleted",
  not_found: "its namespace is not there",
  denied: "the API server refuses the write",
  not_converging: "somebody else keeps changing it back or deleting it",
} as const;

function wakesOf(trace: TraceTree | undefined): readonly string[] {
  const wakes = trace?.root.attributes[attributes.wakes];
  return Array.isArray(wakes) ? wakes.filter((wake) => typeof wake === "string") : [];
}
