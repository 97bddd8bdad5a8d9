/**
 * Before anything is deleted, the function is asked again with what the API server says at this moment. It is pure, so it can
 * be: only a deletion that it wants on the cache and on the live cluster is carried out. A cache that missed an event, or a
 * server that woke up in the past, deletes nothing.
 */
import { canAnswer } from "../cache/answer.ts";
import type { Clock } from "../clock/clock.ts";
import { codeOf } from "../kube/errors.ts";
import { describe, isSameKind, type Kind } from "../kube/kind.ts";
import { matches, withWhere, type Query } from "../kube/query.ts";
import type { SecondLookSpan } from "../trace/reconcile-trace.ts";
import type { Answer, Cell } from "./cell/cell.ts";
import { runInRounds } from "./cell/rounds.ts";
import type { FunctionCache } from "./function-cache.ts";
import type { Hold } from "./hold.ts";
import type { LiveReads } from "./live-reads.ts";
import { plan, type Write } from "./plan.ts";
import { asFailure, codeOfRun, idOf, isDestructive, printed, type Request } from "./request.ts";
import type { Run } from "./run.ts";

interface SecondLookOptions {
  readonly cell: Cell;
  readonly isNamespaced: (kind: Kind) => boolean | undefined;
  /** It holds no more than the function declared, so the live answers show no more either. */
  readonly cache: Pick<FunctionCache, "declared" | "observed" | "answer">;
  readonly live: LiveReads;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly hold: Pick<Hold, "doubted">;
}

export class SecondLook {
  readonly #options: SecondLookOptions;

  constructor(options: SecondLookOptions) {
    this.#options = options;
  }

  /** The writes without the deletions that the live cluster does not bear out. */
  async confirm(writes: readonly Write[], request: Request): Promise<readonly Write[]> {
    const destructive = writes.filter(isDestructive);
    if (destructive.length === 0) return writes;
    const still = await this.#stillWanted(destructive, request);
    return writes.filter((write) => !isDestructive(write) || still.has(wordOf(write)));
  }

  /**
   * The deletions, and what is let go, that the function wants on the live cluster as well, as {@link wordOf} has them. None
   * when it cannot be asked: nothing is known then.
   */
  async #stillWanted(destructive: readonly Write[], request: Request): Promise<ReadonlySet<string>> {
    const { cell, cache, clock, hold } = this.#options;
    const { source, record, tally, trace } = request;
    const span = trace.secondLook();
    // The preconditions of the deletions themselves guard this version of the source.
    const isOfSourceAlone = destructive.every((write) => idOf(write) === describe(source));
    const { name, namespace = "" } = source.metadata;
    let again: Run | undefined;
    try {
      again = await this.runAgain(request, {
        source: isOfSourceAlone ? undefined : withWhere(cell.declaration.watches, { name, namespace }),
        span,
      });
    } catch (error) {
      span.end({ reads: [], confirmed: 0, doubted: destructive.length, code: codeOf(error) });
      tally.serverFailed(asFailure(error, `${cell.name}: the second look`), clock);
      return new Set();
    }
    const { writes = [] } = again?.effects === undefined ? {} : plan(again.effects, cache.observed(request));
    const still = new Set(writes.filter(isDestructive).map(wordOf));
    const confirmed = destructive.filter((write) => still.has(wordOf(write))).length;
    span.end({
      reads: printed(again?.reads ?? []),
      confirmed,
      doubted: destructive.length - confirmed,
      ...(again?.error !== undefined && { code: codeOfRun(again.error) }),
    });
    if (confirmed === destructive.length) record.doubtCount = 0;
    else hold.doubted(request);
    return still;
  }

  /**
   * The same run on live answers, none of them older than the wish to delete. If the source need not be read, and everything
   * the first run read was absent and still is, or gone and is so still, the first run is returned: same inputs, same effects.
   * @param source the reconciled object, where nothing else guards its version.
   * @returns undefined when that object is gone, or is no longer one that the function watches.
   * @throws EvenkeelError of the API: then nothing is known, and nothing may be deleted.
   */
  async runAgain(
    { job, run: first, record }: Pick<Request, "job" | "run" | "record">,
    { source, span }: { readonly source: Query | undefined; readonly span: SecondLookSpan },
  ): Promise<Run | undefined> {
    const { cell, isNamespaced, cache, live, signal } = this.#options;
    const read: (query: Query) => ReturnType<LiveReads["read"]> = (query) =>
      live.read(query, record.deletionsSinceMs ?? 0, { signal, span });
    let { object } = job;
    if (source !== undefined) {
      const [found] = await read(source);
      if (found?.metadata.uid !== object.metadata.uid || !matches(cell.declaration.watches.where, found))
        return undefined;
      object = found;
    }
    const ask = async (query: Query): Promise<Answer> => {
      // The API server knows nothing of it.
      if (query.part === "departed") return { objects: cache.answer(query) };
      const found = await read(query);
      const isAnswering = (held: Query): boolean => isSameKind(held.kind, query.kind) && canAnswer(held, query);
      const holders = cache.declared.filter(isAnswering);
      return { objects: found.filter((each) => holders.some(({ where }) => matches(where, each))) };
    };
    const foreseen = first.reads.map(({ query }) => query);
    const found = await Promise.all(foreseen.map(ask));
    const isAsBefore = ({ objects }: Answer, i: number): boolean =>
      objects?.length === first.reads[i]?.count && objects?.[0]?.metadata === first.reads[i]?.gone?.metadata;
    if (object === job.object && found.every(isAsBefore)) return first;
    const { run } = await runInRounds({
      cell,
      job: { ...job, object },
      foreseen,
      answer: (queries, added) => (added === foreseen ? found : Promise.all(queries.map(ask))),
      isNamespaced,
    });
    return run;
  }
}

/** To delete an object and to let it go are two wishes. */
function wordOf(write: Write): string {
  return `${write.verb} ${idOf(write)}`;
}
