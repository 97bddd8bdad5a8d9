/**
 * Reads stay synchronous across threads by restart: a run that meets a read without an answer is thrown away, and the
 * function runs again with that answer. It is pure, so it can be.
 */
import { EvenkeelError } from "../../kube/errors.ts";
import { formatQuery, type Query } from "../../kube/query.ts";
import type { Kind } from "../../kube/kind.ts";
import { checkEffects } from "../check-effects.ts";
import type { Run } from "../run.ts";
import type { Answer, Answers, Cell, Job } from "./cell.ts";

export interface Asked {
  readonly cell: Cell;
  readonly job: Job;
  /** What the function is likely to read: foresight saves rounds. */
  readonly foreseen: readonly Query[];
  /**
   * One answer for each query, in their order, all of one moment. Must not throw and not reject.
   * @param added those of them that come for the first time
   */
  readonly answer: (
    queries: readonly Query[],
    added: readonly Query[],
  ) => readonly Answer[] | Promise<readonly Answer[]>;
  /** Whether a kind is namespaced, as discovery says; undefined while unknown. */
  readonly isNamespaced: (kind: Kind) => boolean | undefined;
}

export interface Rounds {
  readonly run: Run;
  /** How often the function ran again because a read had no answer yet. */
  readonly restarts: number;
}

/** Reads depend on what was read before; a function that still asks after so many rounds asks for ever. */
const MAX_RESTARTS = 64;

/** Runs the function until each of its reads is answered. Synchronous where the cell and the answers are. */
export function runInRounds(asked: Asked): Rounds | Promise<Rounds> {
  const { cell, job, foreseen, answer } = asked;
  const queries = new Map<string, Query>();
  const round = (added: readonly Query[], restarts: number): Rounds | Promise<Rounds> => {
    if (restarts > MAX_RESTARTS) return { run: unsettled(cell), restarts };
    for (const query of added) queries.set(formatQuery(query), query);
    // All anew: a run sees one moment of the cache, and the rounds before were at others.
    return after(queries.size === 0 ? [] : answer([...queries.values()], added), (found) => {
      const answers = answered(queries, found);
      return after(cell.attempt(job, answers), (attempt) =>
        "missing" in attempt
          ? round(attempt.missing, restarts + 1)
          : { run: checked(withGone(attempt, answers), asked), restarts },
      );
    });
  };
  return round(foreseen, 0);
}

function answered(queries: ReadonlyMap<string, Query>, found: readonly Answer[]): Answers {
  const answers = new Map<string, Answer & { readonly query: Query }>();
  let i = 0;
  for (const [id, query] of queries) answers.set(id, { query, ...(found[i++] ?? { objects: [] }) });
  return answers;
}

/** A count would not tell whether the same object is gone as before. */
function withGone(run: Run, answers: Answers): Run {
  if (!run.reads.some(({ query }) => query.part === "departed")) return run;
  const reads = run.reads.map((read) =>
    read.query.part === "departed" ? { ...read, gone: answers.get(formatQuery(read.query))?.objects?.[0] } : read,
  );
  return { ...run, reads };
}

/** What comes out of a cell is looked at again on this side: a function can spoil its own thread, and what checks there. */
function checked(run: Run, { cell: { name, declaration }, isNamespaced }: Asked): Run {
  if (run.effects === undefined) return run;
  try {
    return { effects: checkEffects(run.effects, { name, definition: declaration, isNamespaced }), reads: run.reads };
  } catch (error) {
    return { error, reads: run.reads };
  }
}

function unsettled({ name }: Cell): Run {
  const what = `${name}: its reads differ from run to run and never settle`;
  return { error: new EvenkeelError("FUNCTION_NOT_DETERMINISTIC", what), reads: [] };
}

function after<T, R>(value: T | Promise<T>, use: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(use) : use(value);
}
