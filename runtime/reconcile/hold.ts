/**
 * What of a plan is not sent now: what is blocked, what somebody else fights over, deletions that are too fresh, and those of
 * children whose successors are not there yet.
 */
import type { Clock } from "../clock/clock.ts";
import { describe, Namespace, type Kind } from "../kube/kind.ts";
import type { ObjectName } from "../kube/object.ts";
import { select, type Query } from "../kube/query.ts";
import type { FunctionCache } from "./function-cache.ts";
import type { KeyRecord } from "./key-record.ts";
import type { Plan, Write } from "./plan.ts";
import { idOf, isDestructive, subresourceId, targetId, wishOf, type Request } from "./request.ts";
import { contentOf } from "./rewrites.ts";

/** How long a deletion must have been wished for before the second look: time for a replaced object to come back. */
const GRACE_MS = 300;
/** Each look that found otherwise doubles that, up to here: what the cache shows next asks again at once. */
const MAX_GRACE_MS = 60_000;
/** How soon a key asks again while the cache holds deletions back. */
const HELD_MS = 5_000;

interface HoldOptions {
  readonly cache: FunctionCache;
  readonly clock: Clock;
  readonly isDryRun: boolean;
}

const NONE: ReadonlyMap<Write, string> = new Map();

/** The part of a plan that is not sent now. */
interface Unsent {
  readonly blocked: readonly Write[];
  /** Deletion → why it is held. */
  readonly held: ReadonlyMap<Write, string>;
}

export class Hold {
  readonly #options: HoldOptions;

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  /** Takes out of the plan what must not be sent now, and notes why. */
  sendable(planned: Plan, request: Request): readonly Write[] {
    const { isDryRun } = this.#options;
    request.tally.fulfilled.push(...planned.fulfilled);
    noteDependencies(planned, request);
    forgetUnwanted(planned, request, this.#options.clock.now());
    // Of nearly every key after a start.
    if (planned.writes.length === 0) return this.#nothing(planned, request);
    const { blocked = [], free = [] } = Object.groupBy(planned.writes, (write) =>
      this.#isBlocked(write, request) ? "blocked" : "free",
    );
    const held = this.#heldDeletions(planned, free, request);
    const due = held.size === 0 ? free : free.filter((write) => !held.has(write));
    const fights = new Set(isDryRun ? [] : due.filter((write) => this.#isFight(write, request)));
    this.#trace(planned, { blocked: [...blocked, ...fights], held }, request);
    return isDryRun ? [] : due.filter((write) => !fights.has(write));
  }

  #nothing(planned: Plan, request: Request): readonly Write[] {
    const { record } = request;
    record.deletionsSinceMs = undefined;
    record.doubtCount = 0;
    this.#trace(planned, { blocked: [], held: NONE }, request);
    return planned.writes;
  }

  #isBlocked(write: Write, request: Request): boolean {
    if (this.#isHeld(write, request)) return true;
    if (!this.#isOnItsWayOut(write)) return false;
    request.record.blocked.block(targetId(write), "terminating", write.name.namespace);
    return true;
  }

  /** A new object would be refused there, and one that is put right goes all the same. What the cache shows is enough. */
  #isOnItsWayOut({ verb, name: { namespace } }: Write): boolean {
    if (namespace === undefined || !(verb === "create" || verb === "update" || verb === "replace")) return false;
    return this.#options.cache.find(Namespace, { name: namespace })?.metadata.deletionTimestamp !== undefined;
  }

  #isHeld(write: Write, request: Request): boolean {
    const { record } = request;
    const id = targetId(write);
    if (!record.blocked.isHeld(id)) return false;
    const wish = wishOf(write, request);
    const block = record.blocked.get(id);
    // Whatever is changed or deleted has been proven ours by now.
    if (block?.reason === "not_ours") return write.verb === "create";
    if (wish === undefined) return true;
    // Nobody has refused, or written back, a new wish of the source yet.
    if (block?.reason === "denied") return block.refusal?.content === contentOf(wish);
    return block?.reason !== "not_converging" || record.rewrites.isTooMany(id, wish, this.#options.clock.now());
  }

  /** All deletions while they are not due; then those of children that are kept. */
  #heldDeletions(planned: Plan, free: readonly Write[], request: Request): Unsent["held"] {
    const { record, tally } = request;
    const destructive = free.filter(isDestructive);
    if (destructive.length === 0) {
      record.deletionsSinceMs = undefined;
      record.doubtCount = 0;
      return NONE;
    }
    if (isYetToCome(planned, request)) tally.kept.push(...destructive.filter((write) => isPruned(write, request)));
    if (this.#isDue(request)) return new Map(tally.kept.map((write) => [write, "create_first"]));
    const why = this.#options.cache.deletionsHeld ? "deletions_held" : record.doubtCount > 0 ? "doubted" : "grace";
    return new Map(destructive.map((write) => [write, why]));
  }

  /** Whether deletions may be looked at a second time now; otherwise says when to ask again. */
  #isDue({ record, tally }: Request): boolean {
    const { clock, cache } = this.#options;
    if (cache.deletionsHeld) {
      tally.again(HELD_MS);
      return false;
    }
    record.deletionsSinceMs ??= clock.now();
    const waitMs = record.deletionsSinceMs + graceMs(record) - clock.now();
    if (waitMs <= 0) return true;
    tally.again(waitMs);
    return false;
  }

  #isFight(write: Write, request: Request): boolean {
    const { record } = request;
    const wish = wishOf(write, request);
    if (wish === undefined || !record.rewrites.isTooMany(targetId(write), wish, this.#options.clock.now()))
      return false;
    record.blocked.block(targetId(write), "not_converging", write.name.namespace);
    return true;
  }

  #trace(planned: Plan, { blocked, held }: Unsent, { record, trace }: Request): void {
    const { isDryRun } = this.#options;
    trace.planned({
      creates: count(planned, "create") + count(planned, "replace"),
      updates: count(planned, "update") + count(planned, "status") + count(planned, "scale"),
      deletes: count(planned, "delete"),
      releases: count(planned, "release"),
      applies: count(planned, "apply"),
      unchanged: planned.unchangedCount,
      held: held.size,
      blocked: blocked.length,
      waits: [
        ...planned.refused.map((refused) => `${refused.wish} ${idOf(refused)}: not_ours`),
        ...planned.awaited.map((absent) => `apply ${idOf(absent)}: absent`),
        ...blocked.map((write) => `${write.verb} ${idOf(write)}: ${record.blocked.get(targetId(write))?.reason}`),
        ...held.entries().map(([write, why]) => `${write.verb} ${idOf(write)}: ${why}`),
      ],
      isDryRun,
    });
  }

  /** The second look doubted a deletion: what the cache shows next decides, and until then it is asked ever more seldom. */
  doubted({ record, tally }: Request): void {
    record.doubtCount++;
    record.deletionsSinceMs = this.#options.clock.now();
    tally.again(graceMs(record));
  }

  /** The answers are in: where the first of what is wanted has come, or is taken, what was kept for it may go soon. */
  answered({ tally }: Request): void {
    if (tally.kept.length > 0 && tally.hasFilledName) tally.again(GRACE_MS);
  }
}

/**
 * A copy moves by appearing before it disappears: whether nothing that is wanted is there, and something of it can come. Names
 * that are taken may be so for ever, or until this key lets go of another: they are not waited for.
 */
function isYetToCome({ writes, refused }: Plan, { record, effects: { children = [] } }: Request): boolean {
  const creates = writes.filter(({ verb }) => verb === "create");
  const takenCount = refused.filter(({ wish }) => wish === "child").length;
  const isTaken = (write: Write): boolean => record.blocked.get(targetId(write))?.reason === "not_ours";
  return creates.length + takenCount === children.length && !creates.every(isTaken);
}

/** Whether it goes because it is wanted no more, and not by a wish of its own. */
function isPruned(write: Write, { effects: { deletions = [] } }: Request): boolean {
  return write.verb === "delete" && !deletions.some((reference) => describe(reference) === idOf(write));
}

/** Objects of others that the key waits for: what becomes of them concerns it. */
function noteDependencies({ refused }: Plan, { tally, effects }: Request): void {
  tally.refused.push(...refused);
  for (const { kind, name, wish } of refused) if (wish === "child") tally.dependsOn.push(selectOne(kind, name));
  // There or not, read by the function or not.
  for (const { apiVersion, kind, metadata } of effects.apply ?? [])
    tally.dependsOn.push(selectOne({ apiVersion, kind }, metadata));
}

function selectOne(kind: Kind, { name, namespace = "" }: ObjectName): Query {
  return select(kind, { name, namespace });
}

/** What was noted about objects that are no longer wanted. */
function forgetUnwanted(
  { writes }: Plan,
  { record, source, effects: { children, apply = [], status, scale = [] } }: Request,
  nowMs: number,
): void {
  if (record.blocked.size > 0) record.blocked.keepOnly(new Set(writes.map(targetId)));
  const whole = [...(children ?? []), ...apply];
  // With no more counters than objects wanted now, `rewrites` is small enough as it is.
  if (record.rewrites.size <= whole.length) return;
  const scaled = scale.map(({ of }) => subresourceId(of, of.metadata, "scale"));
  const written = status === undefined ? [] : [subresourceId(source, source.metadata, "status")];
  const targets = new Set([...whole.map(describe), ...scaled, ...written]);
  record.rewrites.keepOnly(targets, children === undefined ? nowMs : undefined);
}

function graceMs({ doubtCount }: KeyRecord): number {
  return Math.min(GRACE_MS * 2 ** doubtCount, MAX_GRACE_MS);
}

function count({ writes }: Plan, verb: Write["verb"]): number {
  return writes.reduce((sum, write) => sum + (write.verb === verb ? 1 : 0), 0);
}
