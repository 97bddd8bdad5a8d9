/** One attempt of a run, where the function is: with the answers there are, and the reads that lacked one. */
import { EvenkeelError } from "../../kube/errors.ts";
import { formatQuery, type Query } from "../../kube/query.ts";
import { runFunction, runTwice, type Inputs, type Runnable } from "../run.ts";
import type { Answer, Answers, Attempt, Job } from "./cell.ts";

/**
 * Never throws.
 * @param beforeSecond told between the two runs of a job that is verified
 */
export function attempt(
  runnable: Omit<Runnable, "config">,
  job: Job,
  answers: Answers<Answer>,
  beforeSecond?: () => void,
): Attempt {
  const missing = new Map<string, Query>();
  const inputs: Inputs = {
    object: job.object,
    now: job.now,
    memo: job.memo,
    answer(query) {
      const id = formatQuery(query);
      const known = answers.get(id);
      // Nothing for now: the run is void, but goes on, so that all it lacks is asked for at once.
      if (known === undefined) missing.set(id, bare(query));
      if (answers.size + missing.size > MAX_READS) throw tooManyReads(runnable.name);
      if (known?.error !== undefined) throw known.error;
      return known?.objects ?? [];
    },
  };
  const configured = { ...runnable, config: job.config };
  const made = job.isVerifying ? runTwice(configured, inputs, beforeSecond) : runFunction(configured, inputs);
  if (answers.size + missing.size > MAX_READS) return { error: tooManyReads(runnable.name), reads: [] };
  return missing.size === 0 ? made : { missing: [...missing.values()] };
}

/** Different ones of one run. Each is a dependency of its key; whoever needs so many objects can list them. */
const MAX_READS = 4_096;

function tooManyReads(name: string): EvenkeelError {
  return new EvenkeelError("FUNCTION_READ_TOO_MUCH", `${name} made more than ${MAX_READS} different reads in one run`);
}

/** Without what a function may have hung on to its kind: only data can be asked across threads. */
function bare({ kind: { apiVersion, kind }, ...rest }: Query): Query {
  return { ...rest, kind: { apiVersion, kind } };
}
