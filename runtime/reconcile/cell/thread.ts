/**
 * One life of a cell's thread: from its start to its one end, however that comes about. It says which task was under way at
 * the end; whatever else was in hand has done nothing wrong.
 */
import { Worker } from "node:worker_threads";
import { fileURLToPath } from "node:url";
import type { Clock, Timer } from "../../clock/clock.ts";
import { EvenkeelError, type Code } from "../../kube/errors.ts";
import { AnswerSender } from "./answer-memory.ts";
import type { Answers, Job } from "./cell.ts";
import type { Done, Outcome, Task, Told, WorkerBirth } from "./messages.ts";

/** A run takes microseconds. Long enough for a large list on a starved machine, short enough to be noticed. */
const DEADLINE_MS = 2_000;
/** Loading compiles the host's code and the function's. */
const LOAD_DEADLINE_MS = 10_000;
/** Deadlines are numbers of looks that find the same task under way: a stall of the host's own is no fault of the task. */
const LOOK_MS = 25;
/** What the function holds, reads and returns, and its buffers. */
const MAX_BYTES = 160 * 1024 * 1024;
/**
 * V8 ends the whole process when one step wants much more than what is left of a thread's limit. So the limit is out of reach,
 * and how much a function holds is looked at: from outside while a task takes long, and inside after each.
 */
const HEAP_LIMIT_MB = 2_048;
/** Young objects are most of what a run makes: little room for them is a small host. */
const YOUNG_MB = 8;

const PACKAGE = fileURLToPath(new URL("../../..", import.meta.url));
const ENTRY = new URL("./worker-thread.ts", import.meta.url);

/** In the place of a task's id, before the first. */
const LOADING = -1;

/** A task that waits for its outcome. */
export interface Pending {
  readonly wanted:
    | { readonly type: "attempt"; readonly job: Job; readonly answers: Answers }
    | { readonly type: "config"; readonly value: unknown };
  readonly settle: (outcome: Outcome) => void;
}

export interface ThreadOptions {
  readonly birth: Omit<WorkerBirth, "progress">;
  readonly clock: Clock;
  readonly onTold: (told: Exclude<Told, Done>) => void;
  /** After every outcome but a fatal one. */
  readonly onDone: () => void;
  /** Called once, unless the end was asked for. `others` come in the order in which they were handed over. */
  readonly onFault: (error: EvenkeelError, culprit: Pending | undefined, others: readonly Pending[]) => void;
}

export class Thread {
  readonly #options: ThreadOptions;
  readonly #worker: Worker;
  readonly #current: Int32Array;
  readonly #sender = new AnswerSender();
  readonly #inHand = new Map<number, Pending>();
  #lastId = 0;
  #look: Timer | undefined;
  #seen: { readonly id: number; readonly count: number } = { id: 0, count: 0 };
  #isOver = false;
  #gone: Promise<unknown> | undefined;

  constructor(options: ThreadOptions) {
    const { birth, onTold } = options;
    const progress = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#options = options;
    this.#current = new Int32Array(progress).fill(LOADING);
    this.#worker = new Worker(ENTRY, {
      workerData: { ...birth, progress } satisfies WorkerBirth,
      name: birth.name,
      // It reads the host's own code and the functions, and reaches nothing else: no network, no process, no addon.
      execArgv: ["--permission", ...[PACKAGE, birth.dir].map((path) => `--allow-fs-read=${path}`)],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker
      .on("message", (told: Told) => (told.type === "done" ? this.#done(told) : onTold(told)))
      .on("error", (error: unknown) => this.#fault(codeOfEnd(error), `ended its thread: ${nameOf(error)}`))
      .on("exit", () => this.#fault("FUNCTION_CRASHED", "ended its thread"));
    this.#lookAgain();
  }

  get inHandCount(): number {
    return this.#inHand.size;
  }

  hand(pending: Pending): void {
    const id = ++this.#lastId;
    const { wanted } = pending;
    if (this.#inHand.size === 0) this.#worker.ref();
    this.#inHand.set(id, pending);
    const task: Task =
      wanted.type === "config" ? { ...wanted, id } : { ...wanted, id, answers: this.#sender.send(wanted.answers) };
    this.#worker.postMessage(task);
    this.#lookAgain();
  }

  /** What is in hand is not answered any more. Resolves when the thread is gone: not before a step of V8's own is done. */
  end(): Promise<unknown> {
    this.#isOver = true;
    this.#look?.cancel();
    this.#gone ??= this.#worker.terminate();
    return this.#gone;
  }

  #done({ id, outcome }: Done): void {
    const pending = this.#inHand.get(id);
    if (pending === undefined || this.#isOver) return;
    // Its buffers are not freed by answering.
    if ("error" in outcome && "ours" in outcome.error && outcome.error.ours === "FUNCTION_OUT_OF_MEMORY")
      return this.#end(new EvenkeelError("FUNCTION_OUT_OF_MEMORY", outcome.error.what), pending);
    this.#inHand.delete(id);
    if (this.#inHand.size === 0) this.#worker.unref();
    pending.settle(outcome);
    this.#options.onDone();
  }

  #lookAgain(): void {
    this.#look ??= this.#options.clock.after(LOOK_MS, this.#onLook);
  }

  readonly #onLook = (): void => {
    const id = Atomics.load(this.#current, 0);
    this.#seen = { id, count: id !== 0 && id === this.#seen.id ? this.#seen.count + 1 : 0 };
    this.#look = undefined;
    const forMs = this.#seen.count * LOOK_MS;
    if (id === LOADING && forMs >= LOAD_DEADLINE_MS) return this.#fault("FUNCTION_TIMED_OUT", "did not finish loading");
    if (id > 0 && forMs >= DEADLINE_MS)
      return this.#fault("FUNCTION_TIMED_OUT", `did not return within ${DEADLINE_MS / 1000} s`);
    if (id > 0 && forMs > 0) void this.#weigh(id);
    if (this.#inHand.size > 0 || id === LOADING) this.#lookAgain();
  };

  async #weigh(id: number): Promise<void> {
    try {
      const { used_heap_size: heap, external_memory: buffers } = await this.#worker.getHeapStatistics();
      if (heap + buffers <= MAX_BYTES || Atomics.load(this.#current, 0) !== id) return;
      this.#fault("FUNCTION_OUT_OF_MEMORY", `came to hold ${Math.round((heap + buffers) / 2 ** 20)} MiB`);
    } catch {
      // It has ended meanwhile: that is told elsewhere.
    }
  }

  #fault(code: Code, what: string): void {
    const culprit = this.#inHand.get(Atomics.load(this.#current, 0));
    this.#end(new EvenkeelError(code, `${this.#options.birth.name} ${what}`), culprit);
  }

  #end(error: EvenkeelError, culprit: Pending | undefined): void {
    if (this.#isOver) return;
    void this.end();
    const others = this.#inHand.values().filter((pending) => pending !== culprit);
    this.#options.onFault(error, culprit, others.toArray());
  }
}

function codeOfEnd(error: unknown): Code {
  const isMemory = error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
  return isMemory ? "FUNCTION_OUT_OF_MEMORY" : "FUNCTION_CRASHED";
}

/** Its message could quote data. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return "something that is no Error was thrown";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
