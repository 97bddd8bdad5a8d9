/**
 * One request: get the object, run the function, plan, look twice before deleting, write, settle. Knows one function and one
 * key at a time; when a key runs is the controller's business.
 */
import { hash } from "node:crypto";
import type { Tracker } from "../cache/tracker.ts";
import type { Clock } from "../clock/clock.ts";
import type { Api } from "../kube/api.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { describe, type Kind } from "../kube/kind.ts";
import type { Query } from "../kube/query.ts";
import type { ReconcileTrace } from "../trace/reconcile-trace.ts";
import type { RequestResult } from "../trace/request-span.ts";
import type { RunSpan } from "../trace/run-span.ts";
import type { Answer, Cell, Job } from "./cell/cell.ts";
import { runInRounds, type Rounds } from "./cell/rounds.ts";
import { TerminalError, warning, type Effects, type EventEffect } from "./effects.ts";
import type { Events } from "./events.ts";
import { Foresight } from "./foresight.ts";
import type { FunctionCache } from "./function-cache.ts";
import { Hold } from "./hold.ts";
import { hostEvents } from "./host-events.ts";
import type { KeyRecord } from "./key-record.ts";
import type { LiveReads } from "./live-reads.ts";
import { plan, type Write } from "./plan.ts";
import { asFailure, codeOfRun, idOf, isDestructive, printed, type About, type Request } from "./request.ts";
import { SecondLook } from "./second-look.ts";
import { Settlement } from "./settle.ts";
import { Tally, type Settled } from "./tally.ts";
import type { WriteCauses } from "./write-causes.ts";
import type { Writer } from "./writer.ts";

interface ReconcilerOptions {
  readonly cell: Cell;
  /** The function's section of the configuration, validated. */
  readonly config: unknown;
  /** Whether a kind is namespaced, as discovery says; undefined while unknown. */
  readonly isNamespaced: (kind: Kind) => boolean | undefined;
  readonly cache: FunctionCache;
  readonly tracker: Tracker;
  readonly api: Api;
  readonly clock: Clock;
  readonly writer: Writer;
  readonly live: LiveReads;
  readonly events: Events;
  readonly causes: WriteCauses;
  readonly signal: AbortSignal;
  /** Plan everything, write nothing. */
  readonly isDryRun: boolean;
  /** Run each function twice and compare. */
  readonly isVerifying: boolean;
  /** Told of every write that was sent, as it is answered. */
  readonly onWrite: (verb: Write["verb"], result: RequestResult) => void;
}

/** A request whose run is under way. */
interface Begun extends About {
  readonly key: string;
  readonly job: Job;
  readonly startedMs: number;
  readonly span: RunSpan;
}

/** A function that counts down to 0 must not run as fast as it can. */
const MIN_REQUEUE_MS = 1_000;
/** How soon a key asks again whose function could not be asked. */
const SUSPENDED_MS = 5_000;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #hold: Hold;
  readonly #secondLook: SecondLook;
  readonly #settlement: Settlement;
  readonly #foresight = new Foresight();
  #isStopping = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#hold = new Hold(options);
    this.#secondLook = new SecondLook({ ...options, hold: this.#hold });
    this.#settlement = new Settlement({ ...options, functionName: options.cell.name });
  }

  /** What was sent is answered; nothing more is sent: others decide from now on what is wanted. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Synchronous when the cell is and there is nothing to write. */
  reconcile(key: string, record: KeyRecord, trace: ReconcileTrace): Settled | Promise<Settled> {
    const { cache, cell, clock, config, isNamespaced, isVerifying, tracker } = this.#options;
    const source = cache.source(key);
    if (source === undefined) return { result: "gone", isRetry: false, written: [], own: undefined };
    record.begins(source);
    const job: Job = { object: source, now: clock.wall(), memo: record.memo, config, isVerifying };
    const begun: Begun = { key, source, record, trace, job, startedMs: clock.now(), span: trace.run() };
    const { waiting } = record;
    record.waiting = undefined;
    if (waiting !== undefined) return this.#act({ run: waiting }, begun);
    const known = tracker.queriesOf(key);
    const foreseen = known.length > 0 ? known : this.#foresight.guess(key);
    const rounds = runInRounds({
      cell,
      job,
      foreseen,
      isNamespaced,
      answer: (queries, added) => {
        // Recorded in the turn that answers: no event can slip between. What the last run read is on record already; what the
        // rounds before read stays so while the thread works on it.
        if (added !== known) tracker.unite(key, queries);
        return queries.map((query) => this.#answer(query));
      },
    });
    return rounds instanceof Promise ? rounds.then((made) => this.#act(made, begun)) : this.#act(rounds, begun);
  }

  #answer(query: Query): Answer {
    try {
      return { objects: this.#options.cache.answer(query) };
    } catch (error) {
      return { error };
    }
  }

  /** What the run says is carried out, or told if it failed. Without `restarts` it is the one of the request before. */
  #act(
    { run, restarts }: Pick<Rounds, "run"> & Partial<Rounds>,
    { span, startedMs, ...begun }: Begun,
  ): Settled | Promise<Settled> {
    const { cache, tracker } = this.#options;
    const { key, record } = begun;
    const reads = run.reads.map(({ query }) => query);
    const failed = (error: unknown): Settled => this.#failed(begun, error);
    if (run.effects === undefined) {
      span.end({ reads: printed(run.reads), restarts, code: codeOfRun(run.error) });
      tracker.unite(key, reads);
      return failed(run.error);
    }
    const { effects } = run;
    const request: Request = { ...begun, run, effects, startedMs, tally: new Tally() };
    try {
      span.end({ reads: printed(run.reads), restarts, isReused: restarts === undefined, wants: counts(effects) });
      const writes = this.#hold.sendable(plan(effects, cache.observed(begun)), request);
      tracker.replace(key, [...reads, ...request.tally.dependsOn]);
      this.#foresight.note(key, reads);
      if (writes.length > 0) return this.#carryOut(writes, request).catch(failed);
      // Not where a change alone leads on (a dry run, `create_first`), nor while a cache holds deletions back: that may be long.
      const isInGrace = record.deletionsSinceMs !== undefined && request.tally.nextTry.requeueAfterMs !== undefined;
      if (isInGrace && !cache.deletionsHeld && isTimeless(effects)) record.waiting = run;
      return this.#settled(request);
    } catch (error) {
      // Effects that pass every check and still cannot be planned.
      tracker.unite(key, reads);
      return failed(error);
    }
  }

  async #carryOut(writes: readonly Write[], request: Request): Promise<Settled> {
    const { writer, cache, cell, causes, clock } = this.#options;
    const { key, source, trace, tally, record } = request;
    const answered = new Map<Write, () => void>();
    try {
      const confirmed = await this.#secondLook.confirm(writes, request);
      const free = await this.#settlement.probe(confirmed, request);
      for (const write of free) answered.set(write, causes.sending(idOf(write)));
      await writer.send({
        writes: free,
        fieldManager: `evenkeel-${cell.name}`,
        applyManager: `evenkeel-${cell.name}-${hash("sha1", describe(source)).slice(0, 8)}`,
        trace,
        isWanted: () =>
          !this.#isStopping && !tally.isServerUnwell && cache.source(key)?.metadata.uid === source.metadata.uid,
        onSent: (sent) => {
          this.#settlement.noteSent(sent, request);
          answered.get(sent.write)?.();
        },
      });
      await Promise.all(tally.taken.map((write) => this.#settlement.whoseIs(write, request)));
    } catch (error) {
      tally.serverFailed(asFailure(error, `${cell.name} ${key}`), clock);
    } finally {
      for (const isAnswered of answered.values()) isAnswered();
    }
    if (tally.written.some(isDestructive)) record.deletionsSinceMs = undefined;
    this.#hold.answered(request);
    return this.#settled(request);
  }

  #settled(request: Request): Settled {
    const { record, tally, effects, startedMs } = request;
    this.#tell(request, [...(effects.events ?? []), ...hostEvents(record, tally)]);
    tally.again(record.blocked.nextTryInMs(startedMs));
    if (effects.requeueAfterMs !== undefined) tally.again(Math.max(effects.requeueAfterMs, MIN_REQUEUE_MS));
    // Of a dry run none: what it would say was done has not been.
    const isHandedOn = tally.error === undefined && !this.#options.isDryRun && Object.hasOwn(effects, "memo");
    if (isHandedOn) record.memo = effects.memo;
    if (record.fulfilled.size + tally.fulfilled.length > 0) record.fulfilled = new Set(tally.fulfilled);
    record.refused = tally.refused.map(idOf);
    record.conflictCount = tally.refused.length + record.blocked.targets("not_ours").length;
    return {
      result: tally.error !== undefined ? "error" : tally.retry ? "requeue" : "success",
      error: tally.error,
      ...tally.nextTry,
      written: tally.written,
      own: tally.written.length === 0 ? undefined : tally.own,
    };
  }

  #failed(about: About, error: unknown): Settled {
    const isTerminal = error instanceof TerminalError;
    const failure = asFailure(error, this.#options.cell.name);
    // Nothing was found out about this key: it neither failed nor backs off.
    if (failure.code === "FUNCTION_SUSPENDED")
      return { result: "requeue", isRetry: false, requeueAfterMs: SUSPENDED_MS, written: [], own: undefined };
    // The message of a foreign error may quote data, so the Event says only which error it was.
    const message = error instanceof EvenkeelError || isTerminal ? error.message : failure.code;
    this.#tell(about, [warning("ReconcileFailed", message)]);
    const result = isTerminal ? "terminal" : "error";
    return { result, error: failure, isRetry: !isTerminal, written: [], own: undefined };
  }

  /** Events say what changed: one that the last run told already is not told again. */
  #tell({ source, record, trace }: About, told: readonly EventEffect[]): void {
    if (told.length === 0 && record.events.size === 0) return;
    const { events, cell, isDryRun } = this.#options;
    const now = new Map(told.map((event) => [hash("sha1", JSON.stringify(event), "base64"), event]));
    const isTold = (id: string, event: EventEffect): boolean =>
      record.events.has(id) || isDryRun || events.tell(cell.name, source, event, trace);
    record.events = new Set([...now].flatMap(([id, event]) => (isTold(id, event) ? [id] : [])));
  }
}

/** Nothing of it is for a later run: one that finds the same world within a minute, `now` apart, wants the same. */
function isTimeless(effects: Effects): boolean {
  return effects.requeueAfterMs === undefined && !Object.hasOwn(effects, "memo");
}

function counts(effects: Effects): Record<string, number | undefined> {
  return {
    children: effects.children?.length,
    deletions: effects.deletions?.length,
    releases: effects.releases?.length,
    applies: effects.apply?.length,
    status: effects.status === undefined ? undefined : 1,
    events: effects.events?.length,
    scales: effects.scale?.length,
  };
}
