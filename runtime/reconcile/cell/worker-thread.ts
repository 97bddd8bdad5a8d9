/**
 * The inside of a cell: a thread that holds one function, and nothing that it could reach out with. It takes tasks one by one
 * and begins the next only when all that the function set going has come to rest, so that whatever loops, loops in the task
 * that set it going.
 */
import { flushCompileCache } from "node:module";
import { setImmediate } from "node:timers";
import { parentPort, workerData } from "node:worker_threads";
import { z } from "zod";
import { EvenkeelError } from "../../kube/errors.ts";
import { formatQuery } from "../../kube/query.ts";
import { readConfig, type DefinedFunction } from "../define.ts";
import { sealAmbient } from "../purity.ts";
import { FunctionImports, type OnRead } from "../resolve-hook.ts";
import { AnswerReceiver } from "./answer-memory.ts";
import { attempt } from "./attempt.ts";
import { BufferBudget } from "./buffer-budget.ts";
import { declarationOf } from "./cell.ts";
import { loadDefinition } from "./definition-in.ts";
import { giveWay } from "./give-way.ts";
import type { Done, Outcome, Task, Told, WorkerBirth } from "./thread-messages.ts";
import { copied, Outcomes } from "./outcomes.ts";
import { Printing } from "./printing.ts";
import { sentError } from "./sent-error.ts";

giveWay();
if (parentPort === null) throw new EvenkeelError("BUG", "a cell was started outside a thread");
const port = parentPort;
const { name, dir, file, generation, pinned, progress, outcomesPerMessage } = workerData as WorkerBirth;
const current = new Int32Array(progress);
// Taken aside: what a function makes of the language and of its globals does not reach these, nor they it.
const { store } = Atomics;
const tell: (told: Told) => void = port.postMessage.bind(port);
const onRead: OnRead = (path, text) => tell({ type: "read", path, text });
const { permission } = process;
const memory = new AnswerReceiver();
const outcomes = new Outcomes({
  tell,
  perMessage: outcomesPerMessage,
  orElse: () => failed(undefined, "returned what cannot leave its thread"),
});
const waiting: Task[] = [];
let definition: DefinedFunction | undefined;
let finished: Done | undefined;
let isWorking = false;

// zod asks once what it runs on; afterwards the world is out of its reach too.
z.object({}).safeParse({});
process.on("unhandledRejection", (error) => {
  // A run that is void has failed at nothing yet.
  if (finished !== undefined && !("missing" in finished.outcome))
    finished = { ...finished, outcome: failed(error, "left behind a promise that was rejected") };
});
const budget = new BufferBudget(name);
const printing = new Printing();
sealAmbient(name, { isLoading: true });
await load();
sealAmbient(name);
closeDisk();
store(current, 0, 0);
port.on("message", (tasks: readonly Task[]) => {
  for (const task of tasks) waiting.push(task);
  if (isWorking) return;
  isWorking = true;
  work();
});

async function load(): Promise<void> {
  try {
    definition = await loadDefinition(new FunctionImports(dir, pinned), { file, generation, onRead });
    tell({ type: "loaded", declaration: declarationOf(definition) });
  } catch (error) {
    tell({ type: "failed", error: sentError(error) });
  }
}

/** Nothing is read or written any more: what the function imports, it has imported. */
function closeDisk(): void {
  flushCompileCache();
  for (const scope of ["fs.read", "fs.write"]) permission.drop(scope);
}

/** One turn of the event loop: what the task before came to is told, soon; the next one begins. */
function work(): void {
  if (finished !== undefined) outcomes.add(finished);
  finished = undefined;
  const task = waiting.shift();
  isWorking = task !== undefined;
  if (task === undefined) outcomes.flush();
  store(current, 0, task?.id ?? 0);
  if (task === undefined) return;
  finished = { id: task.id, outcome: outcomeOf(task) };
  setImmediate(work);
}

function outcomeOf(task: Task): Outcome {
  if (definition === undefined) return failed(new EvenkeelError("BUG", `${name} has not loaded`), "");
  if (task.type === "config") return { reading: copied(readConfig(definition, task.value)) };
  const { job } = task;
  const runnable = { name, definition, isNamespaced: () => undefined };
  budget.reset();
  if (job.isVerifying) printing.begin();
  const made = attempt(runnable, job, memory.receive(task.answers), () => printing.end());
  const text = printing.take();
  const excess = budget.check();
  if (excess !== undefined) return failed(excess, "");
  if ("missing" in made) return { missing: copied(made.missing) };
  if (text !== "") tell({ type: "printed", text });
  const reads = made.reads.map(({ query, count }) => [formatQuery(query), count] as const);
  if (made.effects === undefined) return { error: sentError(made.error), reads };
  return { effects: copied(made.effects), reads };
}

function failed(error: unknown, what: string): Outcome {
  const ours = error instanceof EvenkeelError ? error : new EvenkeelError("FUNCTION_THREW", `${name} ${what}`);
  return { error: sentError(ours), reads: [] };
}
