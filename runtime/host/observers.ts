/** Joins what happens in the rooms to metrics, logs and lines for people. The rooms themselves know none of them. */
import type { InformerReport, SharedInformer } from "../cache/informer.ts";
import type { Failure as ListWatchFailure } from "../cache/reflector.ts";
import type { Clock } from "../clock/clock.ts";
import { codeOf, type Code, type EvenkeelError } from "../kube/errors.ts";
import { kindKey, pluralOf } from "../kube/kind.ts";
import { formatQuery } from "../kube/query.ts";
import type { Cell } from "../reconcile/cell/cell.ts";
import type { OnSuspension } from "../reconcile/cell/worker-cell.ts";
import type { Report } from "../reconcile/controller.ts";
import type { Write } from "../reconcile/plan.ts";
import { asLogged, type Logger } from "../trace/logs.ts";
import type { ReconcileObservation } from "../trace/metrics-controller.ts";
import type { InformerMetrics } from "../trace/metrics-informer.ts";
import type { Metrics } from "../trace/metrics.ts";
import type { Outcome } from "../trace/reconcile-trace.ts";
import { wakeReason } from "../trace/wake.ts";
import { FailureLog } from "./failure-log.ts";
import type { Failure, FunctionObserver } from "./function-set.ts";

interface Observing {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly concurrency: number;
}

/** What one function does, from version to version. */
export function functionObserver(name: string, { clock, metrics, log, concurrency }: Observing): FunctionObserver {
  const controller = metrics.controller(name);
  const faults = metrics.function(name);
  const queueing = metrics.workqueue(name);
  // These are of the present version.
  let failures = new FailureLog(name, { log, clock });
  /** Since when each key that fails has had no success: the one that failed first comes first. */
  const failingSinceMs = new Map<string, number>();
  let lastFailure: Failure | undefined;
  let cell: Cell | undefined;
  /** Of the cells that were given up for others. */
  let formerFaultCount = 0;
  controller.maxConcurrent(concurrency);
  const settled = (report: Report): void => {
    const { key, isHindered } = report;
    const code = report.settled.error?.code;
    controller.ended(observation(report));
    if (code === undefined) {
      if (!isHindered) failingSinceMs.delete(key);
    } else {
      failingSinceMs.getOrInsertComputed(key, () => clock.now());
      faults.failed(code);
      lastFailure = { code, key, wallMs: clock.wall() };
    }
    const isTold = code === undefined || failures.admits(code) || log.isOn(4);
    tell(name, report, { log, isTold });
  };
  return {
    controller: {
      started: () => controller.started(),
      settled,
      stale: (key) => log.info("own writes did not show up in the cache in time; going on", { function: name, key }),
    },
    queue: queueing,
    onWrite: (verb, result) => controller.wrote(verb, result),
    begins(its, itsCell) {
      // Another configuration is for the same cell, which counts on.
      if (cell !== itsCell) formerFaultCount += cell?.threadFaults?.faultCount ?? 0;
      cell = itsCell;
      failures.close();
      failures = new FailureLog(name, { log, clock });
      failingSinceMs.clear();
      lastFailure = undefined;
      queueing.attach(its.queue);
      faults.attach(() => ({
        faultCount: formerFaultCount + (itsCell.threadFaults?.faultCount ?? 0),
        isSuspended: itsCell.threadFaults?.suspendedForMs !== undefined,
        blocked: its.blockedCounts,
        conflictCount: its.conflictCount,
        failingMs: failingFor(failingSinceMs, clock.now()),
      }));
    },
    lastFailure: () => lastFailure,
    misnames: (kind, served) =>
      log.info(MISNAMED, { function: name, kind: kindKey(kind), plural: pluralOf(kind), served }),
    close() {
      controller.close();
      faults.close();
      queueing.close();
      failures.close();
    },
  };
}

const MISNAMED = "the manifests name a kind by another plural than the cluster; give kind() the one that is served";

function failingFor(sinceMs: ReadonlyMap<string, number>, nowMs: number): number {
  const [longest = nowMs] = sinceMs.values();
  return nowMs - longest;
}

function observation({ settled: { error }, outcome, durationMs }: Report): ReconcileObservation {
  return {
    result: RESULTS[outcome],
    durationMs,
    isTerminal: outcome === "terminal",
    isPanic: error !== undefined && PANICS.has(error.code),
    isTimeout: error?.code === "FUNCTION_TIMED_OUT",
  };
}

/** In the words of controller-runtime, which knows fewer. */
const RESULTS: Readonly<Record<Outcome, ReconcileObservation["result"]>> = {
  success: "success",
  gone: "success",
  requeue: "requeue",
  requeue_after: "requeue_after",
  error: "error",
  terminal: "error",
};

/** Where Go would have panicked, or had its process killed. */
const PANICS: ReadonlySet<Code> = new Set<Code>([
  "FUNCTION_THREW",
  "FUNCTION_TIMED_OUT",
  "FUNCTION_OUT_OF_MEMORY",
  "FUNCTION_CRASHED",
]);

/**
 * A line for people where something was done or went wrong; what changed nothing is told to those who ask with -v 4.
 * @param isTold whether its failure, if it is one, is one of those that are told.
 */
function tell(name: string, report: Report, { log, isTold }: { readonly log: Logger; readonly isTold: boolean }): void {
  const { key, settled, woken, requeueAfterMs, durationMs, traceId, conflictCount } = report;
  const { written, error } = settled;
  const isNews = written.length > 0 || (error !== undefined && isTold);
  if (!isNews && !log.isOn(4)) return;
  const places = (...verbs: readonly Write["verb"][]): readonly string[] =>
    written.filter(({ verb }) => verbs.includes(verb)).map((write) => placeOf(write, key));
  const [first] = woken.wakes;
  log.reconcile({
    function: name,
    key,
    created: places("create"),
    updated: places("update", "replace", "status", "scale"),
    applied: places("apply"),
    deleted: places("delete"),
    released: places("release"),
    conflictCount,
    code: error?.code,
    requeueAfterMs,
    // The read that was touched is in the trace; here the object that changed says enough.
    woke: first === undefined ? "unknown" : wakeReason({ ...first, query: undefined }),
    wakeCount: woken.count,
    durationMs,
    traceId,
  });
  if (error !== undefined && isTold) log.info("reconcile failed", { function: name, key, error, traceId });
}

/** The namespace alone where the object has the name of its source, as copies have. */
function placeOf({ name }: Write, key: string): string {
  if (name.namespace === undefined) return name.name;
  return key.endsWith(`/${name.name}`) && key !== `${name.namespace}/${name.name}`
    ? name.namespace
    : `${name.namespace}/${name.name}`;
}

/** Logs the beginning and the end of a suspension; each failed run in between is logged by itself. */
export function suspensionReporter(log: Logger): OnSuspension {
  return (name, why) =>
    why === undefined
      ? log.info("function is no longer suspended", { function: name })
      : log.info("function suspended; it is retried automatically", {
          function: name,
          error: why,
        });
}

const OUTDATED = "the cache cannot be kept up to date; it stays as it is";
const UNFILLED = "the cache cannot be filled; what reads it waits";

/** What informers report: the same trouble once, until it is over. Nothing is kept of one that has stopped. */
export function informerReporter(
  metrics: Metrics,
  log: Logger,
  usersOf: (informer: SharedInformer) => readonly string[],
): (report: InformerReport, informer: SharedInformer) => void {
  const known = new Map<SharedInformer, { readonly metrics: InformerMetrics; trouble: string | undefined }>();
  return (report, informer) => {
    if (informer.state.name === "stopped") {
      known.get(informer)?.metrics.close();
      known.delete(informer);
      return;
    }
    const query = formatQuery(informer.query);
    const it = known.getOrInsertComputed(informer, () => ({
      metrics: metrics.informer(query, informer),
      trouble: undefined,
    }));
    switch (report.type) {
      case "entered":
        if (report.state.name === "watch") it.metrics.watched();
        return;
      case "listed":
        it.metrics.listed();
        if (it.trouble !== undefined) log.info("the cache is filled again", { query });
        it.trouble = undefined;
        log.debug("listed", { query, objects: report.objectCount, changes: report.changeCount });
        return;
      case "recovered":
        if (it.trouble !== undefined) log.info("the cache is kept up to date again", { query });
        it.trouble = undefined;
        return;
      case "failed":
        it.metrics.failed(codeOf(report.failure.error));
        // By its words: a connection that broke and an address where nothing listens have one code.
        if (asLogged(report.failure.error).message === it.trouble) return;
        it.trouble = tellFailure(report.failure, { log, informer, query, neededBy: usersOf(informer) }) ?? it.trouble;
        return;
      case "deletions-held":
        return log.info("deletions are held", { query, reason: report.reason });
      case "deletions-released":
        return log.info("deletions go on", { query, reason: report.reason });
      case "confirmation-failed":
      case "handler-threw":
        return log.info(report.type, { query, error: asLogged(report.error) });
    }
  };
}

interface About {
  readonly log: Logger;
  readonly informer: SharedInformer;
  readonly query: string;
  readonly neededBy: readonly string[];
}

/** @returns the trouble, in its words; undefined where it is daily business */
function tellFailure({ attempt, error }: ListWatchFailure, about: About): string | undefined {
  const { log, informer, query, neededBy } = about;
  const code = codeOf(error);
  if (attempt === "watch" && code === "API_EXPIRED")
    log.info("the watch cannot go on from so long ago; taking a new list", { query });
  // A watch or a list that ends because the server says so.
  else if (isOrdinary(code)) log.debug("watch ended", { query, code });
  else {
    const logged = asLogged(error);
    log.info(informer.hasSynced ? OUTDATED : UNFILLED, { query, neededBy, error: logged });
    return logged.message;
  }
  return undefined;
}

function isOrdinary(code: EvenkeelError["code"]): boolean {
  return code === "API_EXPIRED" || code === "API_TIMEOUT" || code === "API_TOO_MANY_REQUESTS";
}
