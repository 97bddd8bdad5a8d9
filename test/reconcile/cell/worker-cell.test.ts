/** What a cell contains: whatever a function does, it hurts itself alone, and says so. */
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { join } from "node:path";
import { systemClock, type Clock } from "../../../runtime/clock/clock.ts";
import { EvenkeelError } from "../../../runtime/kube/errors.ts";
import type { Cell, Job } from "../../../runtime/reconcile/cell/cell.ts";
import { runInRounds } from "../../../runtime/reconcile/cell/rounds.ts";
import { openWorker } from "../../../runtime/reconcile/cell/worker-cell.ts";
import type { Run } from "../../../runtime/reconcile/run.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { configMap } from "../builders.ts";
import { fileOf, misdeeds } from "./corpus.ts";

async function opened(context: TestContext, text: string, clock: Clock = systemClock): Promise<Cell> {
  const folder = await tempFolder(context, { "subject.js": text });
  const cell = await openWorker(clock)({
    name: "subject",
    dir: folder.path,
    file: join(folder.path, "subject.js"),
    generation: 1,
    onRead: () => {},
    signal: new AbortController().signal,
  });
  context.after(() => cell.rest());
  return cell;
}

function jobOf(key: string, more: Partial<Job> = {}): Job {
  const object = configMap(key, key.includes("innocent") ? { labels: { innocent: "true" } } : {});
  return { object, now: 1_000, memo: undefined, config: undefined, isVerifying: false, ...more };
}

const answer = (queries: readonly unknown[]) => queries.map(() => ({ objects: [] }));

async function run(cell: Cell, job: Job): Promise<Run> {
  return (await runInRounds({ cell, job, foreseen: [], answer, isNamespaced: () => undefined })).run;
}

/** The first failure of at most `limit` runs, or the last run. */
async function untilError(limit: number, once: () => Promise<Run>): Promise<Run> {
  let last = await once();
  for (let i = 1; i < limit && last.error === undefined; i++) last = await once();
  return last;
}

suite("in a cell, a function that", { concurrency: 2 }, () => {
  for (const { name, code, says, needsVerifying = false, runs = 1, ...file } of misdeeds) {
    test(`${name}: ${code}, and its innocent keys are served`, async (context) => {
      const cell = await opened(context, fileOf(file));
      const [before, guilty, after] = await Promise.all([
        run(cell, jobOf("default/innocent-1")),
        untilError(runs, () => run(cell, jobOf("default/guilty", { isVerifying: needsVerifying }))),
        run(cell, jobOf("default/innocent-2")),
      ]);
      assert.ok(guilty.error instanceof EvenkeelError, `${String(guilty.error)} ${JSON.stringify(guilty.effects)}`);
      assert.equal(guilty.error.code, code, guilty.error.message);
      assert.match(guilty.error.message, says);
      assert.doesNotMatch(guilty.error.message, /hunter2/);
      assert.equal(before.effects?.memo, "well", String(before.error));
      if (name !== "spoils the objects of the language") assert.equal(after.effects?.memo, "well", String(after.error));
    });
  }
});
