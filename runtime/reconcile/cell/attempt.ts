/** One attempt of a run, where the function is: with the answers there are, and the reads that lacked one. */
import { formatQuery, type Query } from "../../kube/query.ts";
import { runFunction, runTwice, type Runnable } from "../run.ts";
import type { Answer, Answers, Attempt, Job } from "./cell.ts";

/** Never throws. */
export function attempt(runnable: Omit<Runnable, "config">, job: Job, answers: Answers<Answer>): Attempt {
  const missing = new Map<string, Query>();
  const run = job.isVerifying ? runTwice : runFunction;
  const made = run(
    { ...runnable, config: job.config },
    {
      object: job.object,
      now: job.now,
      memo: job.memo,
      answer(query) {
        const id = formatQuery(query);
        const known = answers.get(id);
        // Nothing for now: the run is void, but goes on, so that all it lacks is asked for at once.
        if (known === undefined) missing.set(id, query);
        if (known?.error !== undefined) throw known.error;
        return known?.objects ?? [];
      },
    },
  );
  return missing.size === 0 ? made : { missing: [...missing.values()] };
}
