/** A function in a cell with a thread of its own, in one line. */
import { join } from "node:path";
import type { TestContext } from "node:test";
import { systemClock, type Clock } from "../../../runtime/clock/clock.ts";
import { EvenkeelError } from "../../../runtime/kube/errors.ts";
import type { StoredObject } from "../../../runtime/kube/object.ts";
import type { Query } from "../../../runtime/kube/query.ts";
import type { Answer, Cell, Job } from "../../../runtime/reconcile/cell/cell.ts";
import { runInRounds } from "../../../runtime/reconcile/cell/rounds.ts";
import { openWorker, type WorkerCell } from "../../../runtime/reconcile/cell/worker-cell.ts";
import type { Run } from "../../../runtime/reconcile/run.ts";
import { tempFolder, type TempFolder } from "../../support/temp-folder.ts";
import { configMap } from "../builders.ts";

export interface Opened {
  readonly cell: WorkerCell;
  readonly folder: TempFolder;
  /** Who was suspended, and who was well again. */
  readonly news: string[];
}

export interface Files {
  readonly "subject.js": string;
  readonly [file: string]: string;
}

/** Opens `subject.js`. Its thread ends with the test. */
export async function opened(context: TestContext, files: Files, clock: Clock = systemClock): Promise<Opened> {
  const folder = await tempFolder(context, files);
  const news: string[] = [];
  const cell = (await openWorker(clock, (name, why) => news.push(`${name} ${why?.code ?? "is well"}`))({
    name: "subject",
    dir: folder.path,
    file: join(folder.path, "subject.js"),
    generation: 1,
    onRead: () => {},
    signal: new AbortController().signal,
  })) as WorkerCell;
  context.after(() => cell.rest());
  return { cell, folder, news };
}

/** Keys that contain `innocent` carry a label that says so. */
export function jobOf(key: string, more: Partial<Job> = {}): Job {
  const object = configMap(key, key.includes("innocent") ? { labels: { innocent: "true" } } : {});
  return { object, now: 1_000, memo: undefined, config: undefined, isVerifying: false, ...more };
}

/** One run in a world that answers so; without it, in one that holds nothing. */
export async function run(cell: Cell, job: Job, answer: AnswerOf = () => []): Promise<Run> {
  const answers = (queries: readonly Query[]): readonly Answer[] =>
    queries.map((query) => ({ objects: answer(query) }));
  return (await runInRounds({ cell, job, foreseen: [], answer: answers, isNamespaced: () => undefined })).run;
}

type AnswerOf = (query: Query) => readonly StoredObject[];

/** One run of each, in their order, as many at the same time as a host lets be under way. */
export async function runAll(cell: Cell, jobs: readonly Job[], answer: AnswerOf): Promise<readonly Run[]> {
  const runs: Run[] = [];
  const waiting = jobs.entries();
  const worker = async (): Promise<void> => {
    for (const [i, job] of waiting) runs[i] = await run(cell, job, answer);
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  return runs;
}

/** The code of its error, or else its memo. */
export async function outcome(running: Promise<Run>): Promise<unknown> {
  const { effects, error } = await running;
  return error instanceof EvenkeelError ? error.code : (effects?.memo ?? error);
}
