/** What of a plan is not sent now: what is blocked, what somebody else fights over, and deletions that are too fresh. */
import type { Clock } from "../clock/clock.ts";
import { objectKey, type StoredObject } from "../kube/object.ts";
import { select } from "../kube/query.ts";
import type { FunctionCache } from "./function-cache.ts";
import type { KeyRecord } from "./key-record.ts";
import { objectId } from "./own-writes.ts";
import type { Plan, Write } from "./plan.ts";
import { idOf, isDestructive, wishOf, type Request } from "./request.ts";
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

export class Hold {
  readonly #options: HoldOptions;

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  /** Takes out of the plan what must not be sent now, and notes why. */
  sendable(planned: Plan, request: Request): readonly Write[] {
    const { isDryRun, clock, cache } = this.#options;
    const { record, tally, trace, source, effects } = request;
    tally.refused.push(...planned.refused);
    for (const { kind, name, wish } of planned.refused) {
      if (wish === "child") tally.dependsOn.push(select(kind, { name: name.name, namespace: name.namespace ?? "" }));
    }
    // There or not, read by the function or not: what becomes of them concerns the key.
    for (const { apiVersion, kind, metadata } of effects.apply ?? [])
      tally.dependsOn.push(select({ apiVersion, kind }, { name: metadata.name, namespace: metadata.namespace ?? "" }));
    if (record.blocked.size > 0) record.blocked.keepOnly(new Set(planned.writes.map(idOf)));
    // Written are children alone: where there are no more of them than are wished for now, none is to be forgotten yet.
    if (effects.children !== undefined && record.rewrites.size > effects.children.length)
      record.rewrites.keepOnly(new Set(effects.children.map((child) => objectId(child, objectKey(child.metadata)))));
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
    const why = cache.deletionsHeld ? "deletions_held" : record.doubtCount > 0 ? "doubted" : "grace";
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
        ...planned.awaited.map((absent) => `apply ${idOf(absent)}: absent`),
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
    const block = record.blocked.get(id);
    if (wish === undefined) return true;
    // Nobody has refused, or written back, a new wish of the source yet.
    if (block?.reason === "denied") return block.refusal?.content === contentOf(wish);
    return block?.reason !== "not_converging" || record.rewrites.isTooMany(id, wish, this.#options.clock.now());
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

  #isFight(write: Write, record: KeyRecord, source: StoredObject, nowMs: number): boolean {
    const wish = wishOf(write, source);
    if (wish === undefined || !record.rewrites.isTooMany(idOf(write), wish, nowMs)) return false;
    record.blocked.block(idOf(write), "not_converging", write.name.namespace);
    return true;
  }

  /** The second look doubted a deletion: what the cache shows next decides, and until then it is asked ever more seldom. */
  doubted({ record, tally }: Request): void {
    record.doubtCount++;
    record.deletionsSinceMs = this.#options.clock.now();
    tally.again(graceMs(record));
  }
}

function graceMs({ doubtCount }: KeyRecord): number {
  return Math.min(GRACE_MS * 2 ** doubtCount, MAX_GRACE_MS);
}

function count({ writes }: Plan, verb: Write["verb"]): number {
  return writes.reduce((sum, write) => sum + (write.verb === verb ? 1 : 0), 0);
}
