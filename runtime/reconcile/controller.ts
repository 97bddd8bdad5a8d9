/**
 * One function at work: changes in, requests through the workqueue, one run per key at a time, and back again. Only `done` and
 * a delay point backwards.
 *
 *   change ─┬─ source ──────────────┐
 *           ├─ child → its owner ───┼─→ workqueue ─→ Reconciler ─→ settle ─→ own writes seen ─→ done
 *           └─ tracker → readers ───┘       ↑                        │
 *                                           └──── retry, delay ──────┘
 *
 * What this process itself wrote wakes a key only when no write is under way any more; see PutOff.
 */
import type { Clock } from "../clock/clock.ts";
import { FleetingMap } from "../collections/fleeting-map.ts";
import type { Change } from "../cache/store.ts";
import type { Tracker } from "../cache/tracker.ts";
import { formatQuery } from "../kube/query.ts";
import { isSameKind, Namespace, objectId } from "../kube/kind.ts";
import type { Priority } from "../queue/entry.ts";
import { exponentialLimiter, maxOf, tokenBucket } from "../queue/rate-limiter.ts";
import { Workqueue, type Item } from "../queue/workqueue.ts";
import type { Outcome, ReconcileTrace, ReconcileTracer } from "../trace/reconcile-trace.ts";
import type { Wake } from "../trace/wake.ts";
import type { WorkqueueObserver } from "../trace/workqueue-observer.ts";
import { BLOCK_REASONS, type Block, type BlockReason } from "./blocked.ts";
import type { FunctionCache, Role } from "./function-cache.ts";
import { KeyRecord } from "./key-record.ts";
import type { OwnWrites } from "./own-writes.ts";
import { OwnWritesWait } from "./own-writes-wait.ts";
import { PutOff } from "./put-off.ts";
import type { Reconciler } from "./reconciler.ts";
import type { Settled } from "./tally.ts";
import { Wakes, type Woken } from "./wakes.ts";
import type { WriteCauses } from "./write-causes.ts";

/** What there is to measure and to tell. */
export interface ControllerObserver {
  started(): void;
  settled(report: Report): void;
  /** A key's own writes did not show up in time. */
  stale(key: string): void;
}

/** What came while a key was in hand. */
interface Meanwhile {
  readonly change: Change;
  readonly wake: Wake;
  readonly priority: Priority;
}

/** A key that a worker has in hand. */
interface Begun {
  readonly key: string;
  readonly record: KeyRecord;
  readonly trace: ReconcileTrace;
  readonly woken: Woken;
  readonly startedMs: number;
}

export interface Report {
  readonly key: string;
  readonly settled: Settled;
  readonly outcome: Outcome;
  readonly woken: Woken;
  /** When the key runs again, if nothing wakes it sooner: back-off included. */
  readonly requeueAfterMs: number | undefined;
  readonly durationMs: number;
  readonly traceId: string;
  /** Names that this key wants and that objects of others hold. */
  readonly conflictCount: number;
  /** Something failed before and was left out: that there was no error is no success. */
  readonly isHindered: boolean;
}

/** Why a key is as it is. */
interface Explanation {
  /** As printed by formatQuery. */
  readonly reads: readonly string[];
  readonly isRunning: boolean;
  /** Failures in a row. */
  readonly retries: number;
  /** What cannot be written for now, and until when. */
  readonly blocked: ReadonlyMap<string, Block>;
  /** Objects in the way that the cache shows; each is looked at again when it changes. */
  readonly refused: readonly string[];
}

interface ControllerOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly cache: FunctionCache;
  readonly tracker: Tracker;
  readonly queueObserver?: WorkqueueObserver | undefined;
  readonly reconciler: Pick<Reconciler, "reconcile" | "stop">;
  readonly tracer: ReconcileTracer;
  readonly causes: WriteCauses;
  readonly observer: ControllerObserver;
  /** How many keys are worked on at the same time, ≥ 1. */
  readonly concurrency: number;
  /** Why all keys run when this controller starts, if it replaces one (`config`, `function`). */
  readonly because?: Wake["what"] | undefined;
  /** Of the controller that this one replaces. */
  readonly memos?: Memos | undefined;
}

/** Key → what its last run returned as `memo`, and for which object. */
export type Memos = ReadonlyMap<string, { readonly uid: string; readonly memo: unknown }>;

/** client-go waits up to 1 000 s; nobody who has mended what was wrong wants to wait a quarter of an hour. */
const RETRY_CAP_MS = 300_000;
/** All keys together. client-go's 10 a second are for one request each at a time; after an outage 4 000 keys would wait for 400 s. */
const RETRIES = { qps: 100, burst: 1_000 };
/** How long keys that need no writing may hold the event loop before others get a turn. */
const TURN_MS = 5;

export class Controller {
  readonly #options: ControllerOptions;
  /** For gauges and the status page. */
  readonly queue: Workqueue;
  readonly #wakes = new Wakes();
  readonly #records = new FleetingMap<string, KeyRecord>();
  /** Keys between `take` and `done`, with the changes to their objects and children that came meanwhile. */
  readonly #inFlight = new FleetingMap<string, Meanwhile[]>();
  readonly #ownWritesWait: OwnWritesWait;
  readonly #putOff: PutOff;
  readonly #unsubscribe: (() => void)[];
  /** Until the start. */
  #inherited: Memos;
  #active = 0;
  #state: "waiting" | "working" | "stopping" = "waiting";
  #idle = Promise.withResolvers<void>();

  /** Nothing is collected and nothing runs before `start`: a standby may wait for months, and its caches know all keys. */
  constructor({ memos = new Map(), ...options }: ControllerOptions) {
    this.#options = options;
    const { cache, causes, clock, queueObserver } = options;
    this.#inherited = memos;
    this.queue = new Workqueue({
      clock,
      onReady: this.#pump,
      observer: queueObserver,
      limiter: maxOf(exponentialLimiter({ capMs: RETRY_CAP_MS }), tokenBucket(clock, RETRIES)),
    });
    this.#ownWritesWait = new OwnWritesWait(clock, cache);
    this.#putOff = new PutOff(clock, causes, (key, priority) => this.queue.add(key, { priority }));
    this.#unsubscribe = [cache.onChange(this.#onChange), cache.onRelist(this.#onRelist)];
  }

  /** To be called when the caches are synced and this process leads. */
  start(): void {
    if (this.#state !== "waiting") return;
    this.#state = "working";
    this.#inherit();
    this.#addAll(this.#options.because);
    this.#pump();
  }

  /** Takes no more keys; resolves when the last write under way was answered. */
  async stop(): Promise<void> {
    if (this.#state === "stopping") return this.#idle.promise;
    this.#state = "stopping";
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.queue.shutDown();
    this.#options.reconciler.stop();
    if (this.#active === 0) this.#idle.resolve();
    await this.#idle.promise;
    this.#ownWritesWait.close();
    // Last: keys that end their wait may be put off once more.
    this.#putOff.close();
  }

  /** For the controller that takes this one's place. */
  get memos(): Memos {
    const memos = new Map(this.#inherited);
    // By the object that it was returned for: another of its name may be there by now.
    for (const [key, { memo, sourceUid: uid }] of this.#records.entries())
      if (memo !== undefined && uid !== undefined) memos.set(key, { uid, memo });
    return memos;
  }

  #inherit(): void {
    const { cache, clock } = this.#options;
    for (const [key, { uid, memo }] of this.#inherited) {
      if (cache.source(key)?.metadata.uid !== uid) continue;
      const record = new KeyRecord(clock);
      record.memo = memo;
      record.sourceUid = uid;
      this.#records.set(key, record);
    }
    this.#inherited = new Map();
  }

  get state(): "waiting" | "working" | "stopping" {
    return this.#state;
  }

  /** What `key` depends on and what stands in its way, for people. */
  explain(key: string): Explanation {
    const record = this.#records.get(key);
    return {
      reads: this.#options.tracker.queriesOf(key).map(formatQuery),
      isRunning: this.#inFlight.has(key),
      retries: this.queue.retries(key),
      blocked: record?.blocked.all ?? new Map(),
      refused: record?.refused ?? [],
    };
  }

  /** The first `limit` keys that something stands in the way of or that are being retried. */
  needingAttention(limit: number): readonly string[] {
    const needsAttention = ([key, { conflictCount, blocked }]: readonly [string, KeyRecord]): boolean =>
      conflictCount > 0 || blocked.size > 0 || this.queue.retries(key) > 0;
    return this.#records
      .entries()
      .filter(needsAttention)
      .take(limit)
      .map(([key]) => key)
      .toArray();
  }

  /** How many objects cannot be written for now, by reason. */
  get blockedCounts(): ReadonlyMap<BlockReason, number> {
    const counts = new Map(BLOCK_REASONS.map((reason) => [reason, 0]));
    for (const { blocked } of this.#records.values())
      for (const { reason } of blocked.all.values()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    return counts;
  }

  /** How many names that keys want are held by objects that are not ours. */
  get conflictCount(): number {
    return this.#records.values().reduce((sum, { conflictCount }) => sum + conflictCount, 0);
  }

  readonly #onChange = (change: Change, role: Role): void => {
    if (this.#state === "waiting") return;
    const { tracker, because } = this.#options;
    const { query, key, before, after, origin } = change;
    const priority: Priority = origin === "watch" ? "high" : "low";
    const said =
      origin === "list" ? "listed" : before === undefined ? "added" : after === undefined ? "deleted" : "modified";
    const object = objectId(query.kind, key);
    if (role.source !== undefined) {
      const wake: Wake =
        origin === "list" && because !== undefined ? { what: because } : { what: "source", change: said, object };
      this.#addUnlessEcho(role.source, { change, wake, priority });
    }
    for (const owner of role.owners)
      if (origin !== "list" || this.#inFlight.has(owner))
        this.#addUnlessEcho(owner, { change, wake: { what: "child", change: said, object }, priority });
    for (const [reader, read] of tracker.affected(change)) {
      if (isSameKind(query.kind, Namespace)) this.#records.get(reader)?.blocked.clearNamespace(key);
      this.#add(reader, priority, { what: "read", change: said, object, query: formatQuery(read) }, change);
    }
    // Last: the key that this ends the wait of has to know the change as one that came while it was in hand.
    this.#ownWritesWait.changed(object);
  };

  /** A list shows no difference where our own unseen create was deleted by somebody else; a look at every key does. */
  readonly #onRelist = (): void => {
    if (this.#state !== "waiting") this.#addAll();
  };

  /** What changed while nobody looked is among the newest; of the others most need nothing. */
  #addAll(because?: Wake["what"]): void {
    const wake: Wake = because === undefined ? { what: "source", change: "listed" } : { what: because };
    for (const key of this.#options.cache.keysNewestFirst()) {
      this.#wakes.add(key, wake);
      this.queue.add(key, { priority: "low" });
    }
  }

  /** It may be an echo of what the key is writing just now: that is known when the answers are in. */
  #addUnlessEcho(key: string, meanwhile: Meanwhile): void {
    const inFlight = this.#inFlight.get(key);
    if (inFlight === undefined) this.#add(key, meanwhile.priority, meanwhile.wake, meanwhile.change);
    else inFlight.push(meanwhile);
  }

  #add(key: string, priority: Priority, wake: Wake, change: Change): void {
    const { causes } = this.#options;
    const cause = causes.find(change) ?? causes.findLater(change);
    this.#wakes.add(key, cause === undefined ? wake : { ...wake, cause });
    if (cause === undefined || !causes.isBusy) this.queue.add(key, { priority });
    else this.#putOff.add(key, priority);
  }

  readonly #pump = (): void => {
    const { clock, concurrency } = this.#options;
    if (this.#state !== "working") return;
    const untilMs = clock.now() + TURN_MS;
    while (this.#active < concurrency) {
      const item = this.queue.take();
      if (item === undefined) return;
      this.#work(item);
      if (clock.now() > untilMs) {
        setImmediate(this.#pump);
        return;
      }
    }
  };

  #work(item: Item): void {
    const begun = this.#begin(item);
    const settled = this.#options.reconciler.reconcile(begun.key, begun.record, begun.trace);
    if (!(settled instanceof Promise)) return this.#finish(begun, settled);
    // It never rejects: each failure is a Settled, so that no key is lost to one.
    void settled.then((made) => this.#finish(begun, made)).then(this.#pump);
  }

  #begin({ key, priority, queuedMs }: Item): Begun {
    const { name, clock, cache, tracer, observer } = this.#options;
    const startedMs = clock.now();
    const record = this.#records.get(key) ?? new KeyRecord(clock);
    this.#records.set(key, record);
    const changed = this.#wakes.take(key);
    this.#putOff.delete(key);
    const attempt = this.queue.retries(key);
    const otherwise = attempt > 0 ? "retry" : "requeue";
    const woken = record.woken(changed, otherwise);
    this.#inFlight.set(key, []);
    this.#active++;
    observer.started();
    const trace = tracer.start({
      function: name,
      key,
      kind: cache.sourceKind,
      wakes: woken.wakes,
      wakeCount: woken.count,
      queuedMs,
      priority: priority === "low" ? -100 : 0,
      attempt,
      ...(changed.count === 0 && record.previous && { previous: { context: record.previous, as: otherwise } }),
    });
    record.previous = trace.context;
    return { key, record, trace, woken, startedMs };
  }

  /** The worker is free; the key is `done` when the cache shows what it wrote. */
  #finish({ key, record, trace, woken, startedMs }: Begun, settled: Settled): void {
    const { clock, observer } = this.#options;
    const { result, error, own } = settled;
    this.#active--;
    const requeueAfterMs = this.#requeue(key, settled);
    if (result === "gone") record.conflictCount = 0;
    record.settled(requeueAfterMs !== undefined);
    if (record.isBlank) this.#records.delete(key);
    const { conflictCount } = record;
    const outcome = outcomeOf(settled);
    const durationMs = clock.now() - startedMs;
    const { traceId } = trace;
    const isHindered = result !== "gone" && record.blocked.hasFailure;
    observer.settled({ key, settled, outcome, woken, requeueAfterMs, durationMs, traceId, conflictCount, isHindered });
    const done = (): void => {
      trace.end({ outcome, requeueAfterMs, code: error?.code });
      this.#done(key, own);
    };
    if (own === undefined || this.#state === "stopping") done();
    else this.#ownWritesWait.wait(own, { trace, done, onTimeout: () => observer.stale(key) });
    if (this.#state === "stopping" && this.#active === 0) this.#idle.resolve();
  }

  #forget(key: string): void {
    this.#records.delete(key);
    this.#options.tracker.forget(key);
  }

  /** When the key runs again. A later change wakes it sooner. @returns in how many milliseconds */
  #requeue(key: string, { result, isRetry, requeueAfterMs = Infinity, pauseMs = 0 }: Settled): number | undefined {
    const { queue } = this;
    if (result === "gone") this.#forget(key);
    const backOffMs = isRetry ? (queue.addRateLimited(key, { atLeastMs: pauseMs }) ?? Infinity) : Infinity;
    if (!isRetry) queue.forget(key);
    const againMs = Math.max(requeueAfterMs, pauseMs);
    if (againMs < backOffMs) queue.addAfter(key, againMs);
    const nextMs = Math.min(againMs, backOffMs);
    return nextMs === Infinity ? undefined : nextMs;
  }

  #done(key: string, own: OwnWrites | undefined): void {
    const came = this.#inFlight.get(key);
    if (came === undefined) return;
    this.#inFlight.delete(key);
    const isEcho = ({ change }: Meanwhile): boolean =>
      own?.isEcho(objectId(change.query.kind, change.key), change) === true;
    const news = came.filter((meanwhile) => !isEcho(meanwhile) || isSourceLeaving(meanwhile));
    for (const { priority, wake, change } of news) this.#add(key, priority, wake, change);
    // Where the key's own object went by its own wish, nothing is left to look at.
    if (news.length === 0 && own !== undefined && this.#options.cache.source(key) === undefined) this.#forget(key);
    this.queue.done(key);
  }
}

function outcomeOf({ result, requeueAfterMs }: Settled): Outcome {
  return result === "success" && requeueAfterMs !== undefined ? "requeue_after" : result;
}

/** It was deleted by its own wish, and lingers: what its function wants of one that leaves is another matter. */
function isSourceLeaving({ wake, change: { before, after } }: Meanwhile): boolean {
  const isLeaving = after?.metadata.deletionTimestamp !== undefined;
  return wake.what === "source" && isLeaving && before?.metadata.deletionTimestamp === undefined;
}
