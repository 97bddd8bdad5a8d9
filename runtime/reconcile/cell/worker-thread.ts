/**
 * The inside of a cell: a thread that holds one function, and nothing that it could reach out with. It takes tasks one by one
 * and tells of each only when all that the function set going has come to rest, so that whatever loops, loops in the task
 * that set it going.
 */
import { setImmediate } from "node:timers";
import { parentPort, workerData } from "node:worker_threads";
import { z } from "zod";
import { EvenkeelError } from "../../kube/errors.ts";
import { formatQuery } from "../../kube/query.ts";
import { readConfig, type DefinedFunction } from "../define.ts";
import { sealAmbient } from "../purity.ts";
import { FunctionImports } from "../resolve-hook.ts";
import { AnswerReceiver } from "./answer-memory.ts";
import { attempt } from "./attempt.ts";
import { BufferBudget } from "./buffer-budget.ts";
import { declarationOf } from "./cell.ts";
import { definitionIn } from "./definition-in.ts";
import { sentError, type Done, type Outcome, type Task, type Told, type WorkerBirth } from "./messages.ts";

if (parentPort === null) throw new EvenkeelError("BUG", "a cell was started outside a thread");
const port = parentPort;
const { name, dir, file, generation, pinned, progress } = workerData as WorkerBirth;
const current = new Int32Array(progress);
const memory = new AnswerReceiver();
const waiting: Task[] = [];
let definition: DefinedFunction | undefined;
let finished: Done | undefined;
let isWorking = false;

const tell = (told: Told): void => port.postMessage(told);

// zod asks once what it runs on; afterwards the world is out of its reach too.
z.object({}).safeParse({});
process.on("unhandledRejection", (error) => {
  if (finished !== undefined)
    finished = { ...finished, outcome: failed(error, "left behind a promise that was rejected") };
});
const budget = new BufferBudget(name);
sealAmbient(name);
await load();
Atomics.store(current, 0, 0);
port.on("message", (task: Task) => {
  waiting.push(task);
  if (isWorking) return;
  isWorking = true;
  setImmediate(work);
});

async function load(): Promise<void> {
  const imports = new FunctionImports(dir, pinned);
  let text = "";
  try {
    const namespace = await imports.start(file, generation, (path, read) => {
      if (path === file) text = read ?? "";
      tell({ type: "read", path, text: read });
    });
    definition = definitionIn(namespace, file, text);
    tell({ type: "loaded", declaration: declarationOf(definition) });
  } catch (error) {
    tell({ type: "failed", error: sentError(error) });
  }
}

/** One turn of the event loop: what the task before came to is told, the next one begins. */
function work(): void {
  if (finished !== undefined) send(finished);
  finished = undefined;
  const task = waiting.shift();
  isWorking = task !== undefined;
  Atomics.store(current, 0, task?.id ?? 0);
  if (task === undefined) return;
  finished = { type: "done", id: task.id, outcome: outcomeOf(task) };
  setImmediate(work);
}

function outcomeOf(task: Task): Outcome {
  if (definition === undefined) return failed(new EvenkeelError("BUG", `${name} has not loaded`), "");
  if (task.type === "config") return { reading: readConfig(definition, task.value) };
  budget.reset();
  const made = attempt({ name, definition, isNamespaced: () => undefined }, task.job, memory.receive(task.answers));
  const excess = budget.check();
  if (excess !== undefined) return failed(excess, "");
  if ("missing" in made) return made;
  const reads = made.reads.map(({ query, count }) => [formatQuery(query), count] as const);
  if (made.effects === undefined) return { error: sentError(made.error), reads };
  return { effects: made.effects, reads };
}

function send(done: Done): void {
  try {
    tell(done);
  } catch (error) {
    tell({ ...done, outcome: failed(error, "returned what cannot leave its thread") });
  }
}

function failed(error: unknown, what: string): Outcome {
  const ours = error instanceof EvenkeelError ? error : new EvenkeelError("FUNCTION_THREW", `${name} ${what}`);
  return { error: sentError(ours), reads: [] };
}
