/**
 * What the host is doing and why, as plain data for people: names, counts, ages and codes, never an object's data. Made when
 * somebody asks, from what the rooms know anyway; nothing here waits, and nothing is kept.
 */
import type { SharedInformer } from "../cache/informer.ts";
import type { Clock } from "../clock/clock.ts";
import { codeOf, meanings, type Code } from "../kube/errors.ts";
import { kindKey } from "../kube/kind.ts";
import { formatQuery, type Part } from "../kube/query.ts";
import type { LeaderElector } from "../lease/leader-elector.ts";
import type { LeaseName } from "../lease/lease.ts";
import type { Cell } from "../reconcile/cell/cell.ts";
import { shortPath } from "../reconcile/source-position.ts";
import type { RecentTraces } from "../trace/recent.ts";
import { usersOf, type ActiveFunction, type Failure } from "./function-set.ts";
import type { Checks } from "./health.ts";
import { keyStatus, keysLike, type KeyStatus } from "./key-status.ts";
import type { ProgramProblem } from "./program.ts";
import { reconcileStatus, type ReconcileStatus } from "./reconcile-status.ts";
import type { TraceLink } from "./trace-link.ts";

export interface Status {
  readonly version: string;
  /** Of this replica, as it stands in the Lease. */
  readonly identity: string;
  readonly uptimeMs: number;
  /** The readiness checks that fail, with their reasons. Empty: ready. */
  readonly notReady: readonly { readonly check: string; readonly reason: string }[];
  /** Undefined where there is none to hold: this process always works. */
  readonly lease: LeaseStatus | undefined;
  /** Files that are not at work as they are, each with the reason. */
  readonly problems: readonly ProgramProblem[];
  readonly functions: readonly FunctionStatus[];
  readonly caches: readonly CacheStatus[];
  /** Newest first. */
  readonly reconciles: readonly ReconcileStatus[];
}

export interface LeaseStatus {
  /** `NAMESPACE/NAME` */
  readonly name: string;
  /** Undefined when it was never read, empty when nobody holds it. */
  readonly holder: string | undefined;
  readonly isLeading: boolean;
}

export interface FunctionStatus {
  readonly name: string;
  /** Below the working directory where it is there. */
  readonly file: string;
  /** How often this process had loaded a function when it loaded this version. */
  readonly generation: number;
  readonly isDryRun: boolean;
  /** Queries as printed by formatQuery; kinds, with the subresource where it is one. */
  readonly watches: string;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly state: "waiting for caches" | "waiting for the lease" | "working" | "stopping";
  /** The caches it waits for. */
  readonly waitsFor: readonly string[];
  /** Why its newest version is not the one at work. */
  readonly problem: string | undefined;
  /** While it is left alone for ending thread after thread. */
  readonly suspension: SuspensionStatus | undefined;
  /** How many of its threads it brought to an end. */
  readonly faultCount: number;
  /** The last of its reconciles that failed, since this version is at work. */
  readonly lastError: FunctionError | undefined;
  readonly keyCount: number;
  readonly queue: QueueStatus;
  /** Keys that something stands in the way of or that are being retried; the first few. */
  readonly troubled: readonly string[];
}

interface SuspensionStatus {
  /** Until it is tried again; 0: as soon as can be, and one run is to show whether it is well. */
  readonly forMs: number;
  readonly reason: string;
}

interface FunctionError {
  readonly code: Code;
  readonly key: string;
  /** In ISO 8601. */
  readonly at: string;
  /** What to do about it. */
  readonly next: string;
}

interface QueueStatus {
  readonly high: number;
  readonly low: number;
  readonly delayed: number;
  readonly processing: number;
}

export interface CacheStatus {
  readonly query: string;
  /** What is kept of each object. */
  readonly holds: "whole" | Part;
  readonly state: "idle" | "listing" | "watching" | "waiting to retry" | "stopped";
  readonly hasSynced: boolean;
  readonly objectCount: number;
  /** Since the server last said anything; undefined before its first word. */
  readonly ageMs: number | undefined;
  /** Of what keeps it from following the server. */
  readonly code: string | undefined;
  /** Why nothing is deleted for what is missing in it. */
  readonly deletionsHeld: string | undefined;
  readonly usedBy: readonly string[];
}

export interface StatusOptions {
  readonly version: string;
  readonly identity: string;
  readonly traceLink: TraceLink | undefined;
  readonly clock: Clock;
  readonly lease: { readonly name: LeaseName; readonly elector: LeaderElector } | undefined;
  readonly readyz: Checks;
  readonly recent: RecentTraces;
  readonly functions: () => ReadonlyMap<string, ActiveFunction>;
  readonly informers: () => readonly SharedInformer[];
  readonly problems: () => readonly ProgramProblem[];
}

/** What one look at the page can take in. */
const RECONCILES_SHOWN = 25;
const TROUBLED_SHOWN = 10;

/** What the page and its live streams ask. */
export interface StatusSource {
  read(): Status;
  /** Everything about one key; undefined when there is no such function. */
  key(functionName: string, key: string): KeyStatus | undefined;
  /** The first few keys of a function in which `text` occurs. */
  keysLike(functionName: string, text: string): readonly string[];
}

export function statusSource(options: StatusOptions): StatusSource {
  const { version, identity, traceLink, clock, readyz, recent } = options;
  const startedMs = clock.now();
  return {
    read: () => ({
      version,
      identity,
      uptimeMs: clock.now() - startedMs,
      notReady: [...readyz].flatMap(([check, ask]) => {
        const reason = ask();
        return reason === undefined ? [] : [{ check, reason }];
      }),
      lease: leaseStatus(options.lease),
      problems: options.problems(),
      functions: [...options.functions().values()]
        .map((active) => functionStatus(active, options))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      caches: options.informers().map((informer) => cacheStatus(informer, options.functions())),
      reconciles: recent
        .list()
        .slice(0, RECONCILES_SHOWN)
        .map((summary) => reconcileStatus(summary, { recent, traceLink })),
    }),
    key(functionName, key) {
      const active = options.functions().get(functionName);
      return active === undefined ? undefined : keyStatus(active, key, { recent, clock, traceLink });
    },
    keysLike(functionName, text) {
      const active = options.functions().get(functionName);
      return active === undefined ? [] : keysLike(active, text);
    },
  };
}

function leaseStatus(lease: StatusOptions["lease"]): LeaseStatus | undefined {
  if (lease === undefined) return undefined;
  const { name, elector } = lease;
  return { name: `${name.namespace}/${name.name}`, holder: elector.holder, isLeading: elector.isLeader() };
}

function functionStatus(active: ActiveFunction, { problems, lease }: StatusOptions): FunctionStatus {
  const { loaded, cache, controller, observer, isDryRun } = active;
  const { name, file, generation, cell } = loaded;
  const { watches, reads, writes, applies, subresources } = cell.declaration;
  const { queue } = controller;
  const waitsFor = cache.informers.flatMap(({ hasSynced, query }) => (hasSynced ? [] : [formatQuery(query)]));
  return {
    name,
    file: shortPath(file),
    generation,
    isDryRun,
    watches: formatQuery(watches),
    reads: reads.map(formatQuery),
    writes: [
      ...writes.map(kindKey),
      ...applies.map((kind) => `${kindKey(kind)} (fields)`),
      ...subresources.map(({ of, subresource }) => `${kindKey(of)} (${subresource})`),
    ],
    state: stateOf(controller.state, waitsFor.length, lease !== undefined && !lease.elector.isLeader()),
    waitsFor,
    problem: problems().find(({ about }) => about === name)?.message,
    suspension: suspensionOf(cell),
    faultCount: cell.threadFaults?.faultCount ?? 0,
    lastError: errorOf(observer.lastFailure()),
    keyCount: cache.keyCount,
    queue: {
      high: queue.depth("high"),
      low: queue.depth("low"),
      delayed: queue.delayedCount,
      processing: queue.processingCount,
    },
    troubled: controller.needingAttention(TROUBLED_SHOWN),
  };
}

function suspensionOf({ threadFaults }: Cell): SuspensionStatus | undefined {
  if (threadFaults?.suspendedForMs === undefined) return undefined;
  return { forMs: threadFaults.suspendedForMs, reason: threadFaults.error.message };
}

function errorOf(failure: Failure | undefined): FunctionError | undefined {
  if (failure === undefined) return undefined;
  const { code, key, wallMs } = failure;
  return { code, key, at: new Date(wallMs).toISOString(), next: meanings[code].next };
}

function stateOf(
  state: ActiveFunction["controller"]["state"],
  missingCount: number,
  isStandby: boolean,
): FunctionStatus["state"] {
  if (state !== "waiting") return state;
  // Where every cache of its own is filled, the host still waits for those of others, and then for the lease.
  return missingCount === 0 && isStandby ? "waiting for the lease" : "waiting for caches";
}

function cacheStatus(informer: SharedInformer, functions: ReadonlyMap<string, ActiveFunction>): CacheStatus {
  const { query, state, hasSynced, store, lastEventAgeMs, lastError, deletionsHeld } = informer;
  return {
    query: formatQuery(query),
    holds: query.part ?? "whole",
    state: cacheStates[state.name],
    hasSynced,
    objectCount: store.size,
    ageMs: lastEventAgeMs,
    code: lastError === undefined ? undefined : codeOf(lastError),
    deletionsHeld,
    usedBy: usersOf(informer, functions),
  };
}

const cacheStates = {
  idle: "idle",
  "watch-list": "listing",
  list: "listing",
  watch: "watching",
  backoff: "waiting to retry",
  stopped: "stopped",
} as const satisfies Record<SharedInformer["state"]["name"], CacheStatus["state"]>;
