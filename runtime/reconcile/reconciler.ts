/**
 * One request: get the object, run the function, plan, look twice before deleting, write, settle. Knows one function and one
 * key at a time; when a key runs is the controller's business.
 */
import type { Tracker } from "../cache/tracker.ts";
import type { Clock } from "../clock/clock.ts";
import { codeOf, EvenkeelError, type Code } from "../kube/errors.ts";
import { kindKey } from "../kube/kind.ts";
import { objectKey, type StoredObject } from "../kube/object.ts";
import { formatQuery, select, type Query } from "../kube/query.ts";
import type { Api } from "../kube/api.ts";
import type { ReconcileTrace, WriteResult } from "../trace/reconcile-trace.ts";
import { TerminalError, warning, type Effects, type EventEffect } from "./effects.ts";
import type { Events } from "./events.ts";
import type { FunctionCache } from "./function-cache.ts";
import type { KeyRecord } from "./key-record.ts";
import { objectId, OwnWrites } from "./own-writes.ts";
import { plan, type Observed, type Plan, type Write } from "./plan.ts";
import { isChildOf } from "./provenance.ts";
import type { Wish } from "./rewrites.ts";
import { runFunction, runTwice, type Inputs, type Run, type Runnable } from "./run.ts";
import { secondLook, type LiveReads } from "./second-look.ts";
import { tracedGet } from "./traced-request.ts";
import type { WriteCauses } from "./write-causes.ts";
import type { Sent, Writer } from "./writer.ts";

/** How long a deletion must have been wished for before the second look: time for a replaced object to come back. */
export const GRACE_MS = 300;
/** Each look that found otherwise doubles that, up to here: what the cache shows next asks again at once. */
const MAX_GRACE_MS = 60_000;
/** How soon a key asks again while the cache holds deletions back. */
const HELD_MS = 5_000;

export interface ReconcilerOptions {
  readonly runnable: Runnable;
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
  readonly onWrite: (verb: Write["verb"], result: WriteResult) => void;
}

/** What came of a request. */
export interface Settled {
  readonly result: "success" | "requeue" | "error" | "terminal" | "gone";
  readonly error?: EvenkeelError | undefined;
  /** Back off as after a failure. */
  readonly isRetry: boolean;
  /** Run again no later than this. */
  readonly againInMs?: number | undefined;
  /** The writes that succeeded. */
  readonly written: readonly Write[];
  readonly own: OwnWrites | undefined;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Synchronous when there is nothing to write, which is what a settled cluster does all day. */
  reconcile(key: string, record: KeyRecord, trace: ReconcileTrace): Settled | Promise<Settled> {
    const { cache, clock, runnable, tracker, isVerifying } = this.#options;
    const source = cache.source(key);
    if (source === undefined) return { result: "gone", isRetry: false, written: [], own: undefined };
    const startedMs = clock.now();
    const inputs: Inputs = { object: source, now: clock.wall(), memo: record.memo, answer: cache.answer };
    const span = trace.run();
    const run = (isVerifying ? runTwice : runFunction)(runnable, inputs);
    const reads = run.reads.map(({ query }) => query);
    const failed = (error: unknown): Settled => this.#failed({ source, record, trace }, error);
    if (run.effects === undefined) {
      span.end({ reads: printed(run.reads), code: codeOfRun(run.error) });
      tracker.unite(key, reads);
      return failed(run.error);
    }
    const { effects } = run;
    const request: Request = { key, source, record, trace, inputs, run, effects, startedMs, tally: new Tally() };
    try {
      span.end({ reads: printed(run.reads), wants: counts(effects) });
      const writes = this.#hold(plan(effects, this.#observed(source)), request);
      // Recorded in the turn that read: no event can slip between.
      tracker.replace(key, [...reads, ...request.tally.dependsOn]);
      return writes.length === 0 ? this.#settle(request) : this.#carryOut(writes, request).catch(failed);
    } catch (error) {
      // Effects that pass every check and still cannot be planned, such as a child that holds itself.
      tracker.unite(key, reads);
      return failed(error);
    }
  }

  #observed(source: StoredObject): Observed {
    const { cache, runnable } = this.#options;
    return { functionName: runnable.name, source, children: cache.childrenOf(source), find: cache.find };
  }

  /** Takes out of the plan what must not be sent now, and notes why. */
  #hold(planned: Plan, request: Request): readonly Write[] {
    const { isDryRun, clock } = this.#options;
    const { record, tally, trace, source } = request;
    for (const { kind, name, wish } of planned.refused) {
      tally.refused.push(`${kindKey(kind)} ${objectKey(name)}`);
      if (wish === "child") tally.dependsOn.push(select(kind, { name: name.name, namespace: name.namespace ?? "" }));
    }
    if (record.blocked.size > 0) record.blocked.keepOnly(new Set(planned.writes.map(idOf)));
    const blocked: Write[] = [];
    const ready = planned.writes.filter((write) => {
      const isHeld = this.#isHeld(write, request);
      if (isHeld) blocked.push(write);
      return !isHeld;
    });
    const destructive = ready.filter(isDestructive);
    const isDue = destructive.length > 0 && this.#isDue(request);
    if (destructive.length === 0) {
      record.deletionsSinceMs = undefined;
      record.doubtCount = 0;
    }
    const sendable = isDue ? ready : ready.filter((write) => !isDestructive(write));
    const fights = isDryRun ? [] : sendable.filter((write) => this.#isFight(write, record, source, clock.now()));
    blocked.push(...fights);
    const held = isDue ? [] : destructive;
    const why = this.#options.cache.deletionsHeld ? "deletions_held" : record.doubtCount > 0 ? "doubted" : "grace";
    trace.planned({
      creates: count(planned, "create") + count(planned, "replace"),
      updates: count(planned, "update") + count(planned, "status") + count(planned, "scale"),
      deletes: count(planned, "delete"),
      releases: count(planned, "release"),
      applies: count(planned, "apply"),
      unchanged: planned.unchangedCount,
      held: held.length,
      blocked: blocked.length,
      waits: [
        ...planned.refused.map((refused) => `${refused.wish} ${idOf(refused)}: not_ours`),
        ...blocked.map((write) => `${write.verb} ${idOf(write)}: ${record.blocked.get(idOf(write))?.reason}`),
        ...held.map((write) => `${write.verb} ${idOf(write)}: ${why}`),
      ],
      isDryRun,
    });
    if (isDryRun) return [];
    return fights.length === 0 ? sendable : sendable.filter((write) => !fights.includes(write));
  }

  #isHeld(write: Write, { record, source }: Request): boolean {
    const id = idOf(write);
    if (!record.blocked.isHeld(id)) return false;
    const wish = wishOf(write, source);
    if (wish === undefined || record.blocked.get(id)?.reason !== "not_converging") return true;
    // Nobody has written back the new wish of the source yet.
    return record.rewrites.isTooMany(id, wish, this.#options.clock.now());
  }

  /** Whether deletions may be looked at a second time now; otherwise says when to ask again. */
  #isDue({ record, tally }: Request): boolean {
    const { clock, cache } = this.#options;
    if (cache.deletionsHeld) {
      tally.again(HELD_MS);
      return false;
    }
    record.deletionsSinceMs ??= clock.now();
    const graceMs = Math.min(GRACE_MS * 2 ** record.doubtCount, MAX_GRACE_MS);
    const waitMs = record.deletionsSinceMs + graceMs - clock.now();
    if (waitMs <= 0) return true;
    tally.again(waitMs);
    return false;
  }

  #isFight(write: Write, record: KeyRecord, source: StoredObject, nowMs: number): boolean {
    const wish = wishOf(write, source);
    if (wish === undefined || !record.rewrites.isTooMany(idOf(write), wish, nowMs)) return false;
    record.blocked.block(idOf(write), "not_converging", write.name.namespace);
    return true;
  }

  async #carryOut(writes: readonly Write[], request: Request): Promise<Settled> {
    const { writer, cache, runnable, causes } = this.#options;
    const { key, source, trace, tally, record } = request;
    const answered = new Map<Write, () => void>();
    try {
      const confirmed = await this.#confirm(writes, request);
      const free = await this.#probe(confirmed, request);
      for (const write of free) answered.set(write, causes.sending(idOf(write)));
      await writer.send({
        writes: free,
        fieldManager: `evenkeel-${runnable.name}`,
        trace,
        isWanted: () => cache.source(key)?.metadata.uid === source.metadata.uid,
        onSent: (sent) => {
          this.#noteSent(sent, request);
          answered.get(sent.write)?.();
        },
      });
      await Promise.all(tally.taken.map((write) => this.#whoseIs(write, request)));
    } catch (error) {
      tally.fail(asFailure(error, `${runnable.name} ${key}`));
      tally.retry = true;
    } finally {
      for (const isAnswered of answered.values()) isAnswered();
    }
    if (tally.written.some(isDestructive)) record.deletionsSinceMs = undefined;
    return this.#settle(request);
  }

  /** The writes without the deletions that the live cluster does not bear out. */
  async #confirm(writes: readonly Write[], request: Request): Promise<readonly Write[]> {
    const destructive = writes.filter(isDestructive);
    if (destructive.length === 0) return writes;
    const still = await this.#stillWanted(destructive, request);
    return writes.filter((write) => !isDestructive(write) || still.has(idOf(write)));
  }

  /** The deletions that the function wants on the live cluster as well. None when it cannot be asked: nothing is known then. */
  async #stillWanted(destructive: readonly Write[], request: Request): Promise<ReadonlySet<string>> {
    const { runnable, live, cache, signal, clock } = this.#options;
    const { source, record, inputs, run, tally, trace } = request;
    const span = trace.secondLook();
    // The preconditions of the deletions themselves guard this version of the source.
    const isOfSourceAlone = destructive.every((write) => idOf(write) === idOfObject(source));
    const { name, namespace } = source.metadata;
    let again: Run | undefined;
    try {
      again = await secondLook({
        runnable,
        inputs,
        first: run,
        source: isOfSourceAlone ? undefined : select(source, { name, namespace: namespace ?? "" }),
        declared: cache.declared,
        notBeforeMs: record.deletionsSinceMs ?? 0,
        live,
        options: { signal, span },
      });
    } catch (error) {
      span.end({ reads: [], confirmed: 0, doubted: destructive.length, code: codeOf(error) });
      tally.fail(asFailure(error, `${runnable.name}: the second look`));
      tally.retry = true;
      return new Set();
    }
    const { writes = [] } = again?.effects === undefined ? {} : plan(again.effects, this.#observed(source));
    const still = new Set(writes.filter(isDestructive).map(idOf));
    const confirmed = destructive.filter((write) => still.has(idOf(write))).length;
    span.end({
      reads: printed(again?.reads ?? []),
      confirmed,
      doubted: destructive.length - confirmed,
      ...(again?.error !== undefined && { code: codeOfRun(again.error) }),
    });
    if (confirmed === destructive.length) record.doubtCount = 0;
    else {
      // The cache is behind, or ahead: what it shows next decides, and until then it is asked ever more seldom.
      record.doubtCount++;
      record.deletionsSinceMs = clock.now();
      tally.again(Math.min(GRACE_MS * 2 ** record.doubtCount, MAX_GRACE_MS));
    }
    return still;
  }

  /** A name that a stranger held is asked for by reading; only when it is free is the child created. */
  async #probe(writes: readonly Write[], request: Request): Promise<readonly Write[]> {
    const { record, tally } = request;
    if (record.blocked.size === 0) return writes;
    const isFree = async (write: Write): Promise<boolean> => {
      if (write.verb !== "create" || record.blocked.get(idOf(write))?.reason !== "not_ours") return true;
      const holder = await this.#holderOf(write, "is the name free?", request);
      if (holder === "nobody") return true;
      if (holder === "we") tally.retry = true;
      else record.blocked.block(idOf(write), "not_ours", write.name.namespace);
      return false;
    };
    const answers = await Promise.all(writes.map(isFree));
    return writes.filter((_, i) => answers[i]);
  }

  #noteSent(sent: Sent, { record, tally, source }: Request): void {
    const { causes, clock, onWrite } = this.#options;
    const { write } = sent;
    const id = idOf(write);
    if (sent.outcome !== "skipped") onWrite(write.verb, sent.outcome === "ok" ? "ok" : sent.result);
    switch (sent.outcome) {
      case "skipped":
        return;
      case "ok": {
        tally.written.push(write);
        record.blocked.clear(id);
        const wish = wishOf(write, source);
        if (wish !== undefined) record.rewrites.wrote(id, wish, clock.now());
        const version = sent.answer.object?.metadata.resourceVersion;
        if (write.verb === "delete" || write.verb === "release") {
          tally.own.removed(write.kind, write.name, write.uid);
          causes.note(id, write.uid, sent.context);
        } else if (version !== undefined && write.verb !== "scale") {
          tally.own.wrote(write.kind, write.name, version);
          causes.note(id, version, sent.context);
        }
        return;
      }
      case "failed":
        this.#noteFailure(write, sent.error, record, tally);
    }
  }

  /** What a refusal means for the key: wait for the cache, leave the object for a while, or try everything again. */
  #noteFailure(write: Write, error: EvenkeelError, { blocked }: KeyRecord, tally: Tally): void {
    const { namespace } = write.name;
    switch (error.code) {
      case "API_ALREADY_EXISTS":
        tally.taken.push(write);
        return;
      case "API_CONFLICT":
        if (write.verb === "create") tally.taken.push(write);
        else tally.retry = true;
        return;
      case "API_NOT_FOUND":
        if (write.verb === "create" || write.verb === "replace") blocked.block(idOf(write), "not_found", namespace);
        else if (write.verb !== "delete") tally.retry = true;
        return;
      case "API_NAMESPACE_TERMINATING":
        blocked.block(idOf(write), "terminating", namespace);
        return;
      case "API_FORBIDDEN":
      case "API_INVALID":
      case "API_REJECTED":
        blocked.block(idOf(write), "denied", namespace);
        tally.denied.push({ write, error });
        tally.fail(error);
        return;
      default:
        tally.fail(error);
        tally.retry = true;
        if (error.status?.retryAfterMs !== undefined)
          tally.pause(error.status.retryAfterMs * (1 + 0.2 * this.#options.clock.random()));
    }
  }

  /** A create met an object that the cache does not show: a child of ours that the cache has not seen yet, or a stranger's. */
  async #whoseIs(write: Write, request: Request): Promise<void> {
    const { record, tally } = request;
    if ((await this.#holderOf(write, "whose is it?", request)) !== "a stranger") tally.retry = true;
    else record.blocked.block(idOf(write), "not_ours", write.name.namespace);
  }

  /** Asked of the API server: the caches hold nothing that is not ours. */
  async #holderOf(
    { kind, name }: Write,
    asks: "is the name free?" | "whose is it?",
    { source, trace }: Request,
  ): Promise<"nobody" | "we" | "a stranger"> {
    const { api, signal, runnable } = this.#options;
    const isOurs = (found: StoredObject): boolean => isChildOf(found, runnable.name, source);
    const { answer } = await tracedGet(api, { kind, name, signal, asks }, trace, (found) => ({
      result: isOurs(found) ? "ok" : "not_ours",
    }));
    if (answer === undefined) return "nobody";
    return isOurs(answer) ? "we" : "a stranger";
  }

  #settle(request: Request): Settled {
    const { record, tally, effects, startedMs } = request;
    this.#tell(request, [...(effects.events ?? []), ...hostEvents(record, tally)]);
    tally.again(record.blocked.nextTryInMs(startedMs));
    tally.again(effects.requeueAfterMs);
    if (tally.error === undefined && Object.hasOwn(effects, "memo")) record.memo = effects.memo;
    record.refused = tally.refused;
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
    const failure = asFailure(error, this.#options.runnable.name);
    // The message of a foreign error may quote data, so the Event says only which error it was.
    const message = error instanceof EvenkeelError || isTerminal ? error.message : failure.code;
    this.#tell(about, [warning("ReconcileFailed", message.slice(0, 1024))]);
    const result = isTerminal ? "terminal" : "error";
    return { result, error: failure, isRetry: !isTerminal, written: [], own: undefined };
  }

  /** Events say what changed: one that the last run told already is not told again. */
  #tell({ source, record, trace }: About, told: readonly EventEffect[]): void {
    if (told.length === 0 && record.events.size === 0) return;
    const { events, runnable, isDryRun } = this.#options;
    const now = new Map(told.map((event) => [JSON.stringify(event), event]));
    for (const [id, event] of now)
      if (!record.events.has(id) && !isDryRun) events.tell(runnable.name, source, event, trace);
    record.events = new Set(now.keys());
  }
}

/** What is told about a run, and where. */
interface About {
  readonly source: StoredObject;
  readonly record: KeyRecord;
  readonly trace: ReconcileTrace;
}

interface Request extends About {
  readonly key: string;
  readonly inputs: Inputs;
  readonly run: Run;
  readonly effects: Effects;
  readonly startedMs: number;
  readonly tally: Tally;
}

/** What happened to one request so far. */
class Tally {
  readonly written: Write[] = [];
  readonly own = new OwnWrites();
  /** Creates whose name turned out to be taken. */
  readonly taken: Write[] = [];
  readonly denied: { readonly write: Write; readonly error: EvenkeelError }[] = [];
  /** Objects in the way that a cache shows. */
  readonly refused: string[] = [];
  readonly dependsOn: Query[] = [];
  error: EvenkeelError | undefined;
  retry = false;
  #againInMs: number | undefined;
  #pauseMs: number | undefined;

  /** The first error stands for the request. */
  fail(error: EvenkeelError): void {
    this.error ??= error;
  }

  /** Run again no later than this. */
  again(ms: number | undefined): void {
    if (ms !== undefined) this.#againInMs = Math.min(this.#againInMs ?? ms, ms);
  }

  /** The server asked for a pause. */
  pause(ms: number): void {
    this.#pauseMs = Math.max(this.#pauseMs ?? 0, ms);
  }

  /** A pause that the server asked for counts instead of everything else. */
  get nextTry(): Pick<Settled, "isRetry" | "againInMs"> {
    return this.#pauseMs === undefined
      ? { isRetry: this.retry, againInMs: this.#againInMs }
      : { isRetry: false, againInMs: this.#pauseMs };
  }
}

/** What an operator must know about a key, beside what the function says. */
function hostEvents(record: KeyRecord, tally: Tally): readonly EventEffect[] {
  const events: EventEffect[] = [];
  const taken = [...tally.refused, ...record.blocked.targets("not_ours")];
  if (taken.length > 0)
    events.push(
      warning("NotOurs", `${some(taken)} exists and is not ours; it is never overwritten: rename it or delete it`),
    );
  const fought = record.blocked.targets("not_converging");
  if (fought.length > 0)
    events.push(
      warning(
        "NotConverging",
        `${some(fought)} keeps being changed back by somebody else; it is left alone for ten minutes`,
      ),
    );
  const [denied] = tally.denied;
  if (denied !== undefined) events.push(warning("WriteRefused", denied.error.message.slice(0, 1024)));
  for (const { verb, name } of tally.written) {
    if (verb === "replace")
      events.push(
        warning(
          "Replaced",
          `${objectKey(name)} was immutable and has been replaced; kubelets show its new content only to restarted pods`,
        ),
      );
  }
  return events;
}

/** Sorted, so that the same news reads the same after a restart, and is told once. */
function some(targets: readonly string[]): string {
  const [first, ...rest] = targets.toSorted();
  return rest.length === 0 ? `${first}` : `${first} (and ${rest.length} more)`;
}

/** What a write wants to be true; undefined for those that no reverting can make a loop of. */
function wishOf(write: Write, source: StoredObject): Wish | undefined {
  if (write.verb !== "create" && write.verb !== "update" && write.verb !== "replace") return undefined;
  return { sourceVersion: source.metadata.resourceVersion, body: write.body };
}

function isDestructive({ verb }: Write): boolean {
  return verb === "delete" || verb === "release";
}

function idOf({ kind, name }: Pick<Write, "kind" | "name">): string {
  return objectId(kind, objectKey(name));
}

function idOfObject(object: StoredObject): string {
  return objectId(object, objectKey(object.metadata));
}

function count({ writes }: Plan, verb: Write["verb"]): number {
  return writes.reduce((sum, write) => sum + (write.verb === verb ? 1 : 0), 0);
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

function printed(reads: Run["reads"]): readonly { readonly query: string; readonly count: number }[] {
  return reads.map(({ query, count }) => ({ query: formatQuery(query), count }));
}

function codeOfRun(error: unknown): Code {
  return error instanceof TerminalError ? "FUNCTION_GAVE_UP" : codeOf(error);
}

function asFailure(error: unknown, what: string): EvenkeelError {
  if (error instanceof EvenkeelError) return error;
  if (error instanceof TerminalError)
    return new EvenkeelError("FUNCTION_GAVE_UP", `${what}: ${error.message}`, { cause: error });
  return new EvenkeelError("BUG", what, { cause: error });
}
