/**
 * One life of a cell's thread: from its start to its one end, however that comes about. It says which task was under way at
 * the end; whatever else was in hand has done nothing wrong.
 */
import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { fileURLToPath } from "node:url";
import type { Clock, Timer } from "../../clock/clock.ts";
import { tooDeep } from "../../cache/freeze.ts";
import { FleetingMap } from "../../collections/fleeting-map.ts";
import { EvenkeelError, systemCode, type Code } from "../../kube/errors.ts";
import { describe } from "../../kube/kind.ts";
import { AnswerSender } from "./answer-memory.ts";
import { MAX_HELD_BYTES } from "./buffer-budget.ts";
import type { Answers, Job } from "./cell.ts";
import type { Done, Outcome, Task, Told, WorkerBirth } from "./thread-messages.ts";
import { LOAD_DEADLINE_MS } from "./open-cell.ts";
import { sentError } from "./sent-error.ts";
import { sizeOf } from "./size.ts";
import { checkedTold } from "./told.ts";

/** A run takes microseconds. Long enough for a large list on a starved machine, short enough to be noticed. */
const DEADLINE_MS = 2_000;
/** Deadlines are numbers of looks that find the same task under way: a stall of the host's own is no fault of the task. */
const LOOK_MS = 25;
/** What waits in the thread is in this account too: the rest waits here, where it is no copy. */
const MAX_SENT_BYTES = 16 * 1024 * 1024;
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

interface Outgoing {
  readonly task: Task;
  readonly bytes: number;
}

interface InHand extends Pending {
  readonly bytes: number;
}

export type ToldAtOnce = Exclude<Told, { readonly type: "done" }>;

interface ThreadOptions {
  readonly birth: Omit<WorkerBirth, "progress">;
  readonly clock: Clock;
  readonly onTold: (told: ToldAtOnce) => void;
  /** After outcomes, unless one of them was fatal. @param hasRun one of them was that of a run */
  readonly onDone: (hasRun: boolean) => void;
  /**
   * Called once, unless the end was asked for. `others` come in the order in which they were handed over. Without a culprit
   * it is not known what ended the thread.
   */
  readonly onFault: (error: EvenkeelError, culprit: Pending | undefined, others: readonly Pending[]) => void;
}

export class Thread {
  readonly #options: ThreadOptions;
  readonly #worker: Worker;
  readonly #current: Int32Array;
  readonly #sender = new AnswerSender();
  readonly #inHand = new FleetingMap<number, InHand>();
  #lastId = 0;
  #look: Timer | undefined;
  #seen: { readonly id: number; readonly count: number } = { id: 0, count: 0 };
  readonly #outgoing: Outgoing[] = [];
  /** Of tasks whose outcome has not come yet. */
  #sentBytes = 0;
  /** Tasks were sent of which no outcome has come yet. */
  #isAwaited = false;
  #isWeighing = false;
  #isOver = false;
  #gone: Promise<unknown> | undefined;

  constructor(options: ThreadOptions) {
    const { birth } = options;
    const progress = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#options = options;
    this.#current = new Int32Array(progress).fill(LOADING);
    this.#worker = new Worker(ENTRY, {
      workerData: { ...birth, progress } satisfies WorkerBirth,
      name: birth.name,
      ...confinement(birth.dir),
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT_MB, maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#worker
      .on("message", (value: unknown) => this.#told(value))
      .on("messageerror", () => this.#senseless())
      .on("error", (error: unknown) => this.#fault(codeOfEnd(error), `ended its thread: ${nameOf(error)}`))
      .on("exit", () =>
        Atomics.load(this.#current, 0) === LOADING
          ? this.#fault("FUNCTION_LOAD_FAILED", "did not finish loading: its top level awaits what never comes")
          : this.#fault("FUNCTION_CRASHED", "ended its thread"),
      );
    this.#lookAgain();
  }

  get inHandCount(): number {
    return this.#inHand.size;
  }

  /** What no thread could take in is settled at once, as an error of its own. */
  hand(pending: Pending): void {
    const ownBytes = bytesOf(pending.wanted);
    if (ownBytes === Infinity)
      return pending.settle({ error: sentError(tooDeep(whatIsIn(pending.wanted))), reads: [] });
    const id = ++this.#lastId;
    const outgoing = this.#outgoingOf(id, pending.wanted, ownBytes);
    if (this.#inHand.size === 0) this.#worker.ref();
    this.#inHand.set(id, { ...pending, bytes: outgoing.bytes });
    // Waking a thread costs more than a small run does: what is handed over while it is busy goes in one message.
    if (this.#outgoing.length === 0 && !this.#isAwaited) queueMicrotask(this.#send);
    this.#outgoing.push(outgoing);
    this.#lookAgain();
  }

  #outgoingOf(id: number, wanted: Pending["wanted"], ownBytes: number): Outgoing {
    if (wanted.type === "config") return { task: { ...wanted, id }, bytes: ownBytes };
    const answers = this.#sender.send(wanted.answers);
    let bytes = ownBytes;
    for (const answer of answers) if ("bytes" in answer) bytes += answer.bytes;
    return { task: { ...wanted, id, answers }, bytes };
  }

  readonly #send = (): void => {
    if (this.#isOver) return;
    const tasks: Task[] = [];
    for (const { task, bytes } of this.#outgoing) {
      // One alone may be as large as it is.
      if (this.#sentBytes > 0 && this.#sentBytes + bytes > MAX_SENT_BYTES) break;
      this.#sentBytes += bytes;
      tasks.push(task);
    }
    if (tasks.length === 0) return;
    this.#outgoing.splice(0, tasks.length);
    this.#isAwaited = true;
    try {
      this.#worker.postMessage(tasks);
    } catch {
      this.#sendEach(tasks);
    }
  };

  /** One of them cannot be sent, and is to blame for it alone: with it the thread lacks answers that it should remember. */
  #sendEach(tasks: readonly Task[]): void {
    for (const task of tasks) {
      try {
        this.#worker.postMessage([task]);
      } catch {
        const what = `${this.#options.birth.name} was to be given what cannot be sent to its thread`;
        return this.#end(new EvenkeelError("BUG", what), this.#inHand.get(task.id));
      }
    }
  }

  /** What is in hand is not answered any more. Resolves when the thread is gone: not before a step of V8's own is done. */
  end(): Promise<unknown> {
    this.#isOver = true;
    this.#look?.cancel();
    this.#gone ??= this.#worker.terminate();
    return this.#gone;
  }

  #told(value: unknown): void {
    if (this.#isOver) return;
    const told = checkedTold(value);
    if (told === undefined) return this.#senseless();
    if (told.type === "done") return this.#done(told.outcomes);
    if (told.type === "loaded" && this.#inHand.size === 0) this.#worker.unref();
    this.#options.onTold(told);
  }

  #done(outcomes: readonly Done[]): void {
    this.#seen = { id: 0, count: 0 };
    let hasRun = false;
    let fatal: { readonly error: EvenkeelError; readonly culprit: Pending } | undefined;
    for (const { id, outcome } of outcomes) {
      const pending = this.#inHand.get(id);
      if (pending === undefined) continue;
      const error = fatalIn(outcome);
      if (error !== undefined) fatal ??= { error, culprit: pending };
      else {
        this.#inHand.delete(id);
        this.#sentBytes -= pending.bytes;
        hasRun ||= pending.wanted.type === "attempt";
        pending.settle(outcome);
      }
    }
    if (fatal !== undefined) return this.#end(fatal.error, fatal.culprit);
    this.#isAwaited = false;
    if (this.#outgoing.length > 0) setImmediate(this.#send);
    if (this.#inHand.size === 0) this.#worker.unref();
    this.#options.onDone(hasRun);
  }

  #lookAgain(): void {
    this.#look ??= this.#options.clock.after(LOOK_MS, this.#onLook);
  }

  readonly #onLook = (): void => {
    const id = Atomics.load(this.#current, 0);
    this.#seen = { id, count: id === this.#seen.id ? this.#seen.count + 1 : 0 };
    this.#look = undefined;
    const forMs = this.#seen.count * LOOK_MS;
    if (id === LOADING && forMs >= LOAD_DEADLINE_MS) return this.#fault("FUNCTION_TIMED_OUT", "did not finish loading");
    if (id !== LOADING && forMs >= DEADLINE_MS)
      return this.#fault("FUNCTION_TIMED_OUT", `did not return within ${DEADLINE_MS / 1000} s`);
    if (forMs > 0) void this.#weigh(id);
    if (this.#inHand.size > 0 || id === LOADING) this.#lookAgain();
    // Nothing was in hand: a later task begins its own count.
    else this.#seen = { id: 0, count: 0 };
  };

  async #weigh(id: number): Promise<void> {
    // A thread that is in one step of V8's does not answer: it need not be asked again meanwhile.
    if (this.#isWeighing) return;
    this.#isWeighing = true;
    try {
      const { used_heap_size: heap, external_memory: buffers } = await this.#worker.getHeapStatistics();
      if (heap + buffers <= MAX_HELD_BYTES || Atomics.load(this.#current, 0) !== id) return;
      this.#fault("FUNCTION_OUT_OF_MEMORY", `came to hold ${Math.round((heap + buffers) / 2 ** 20)} MiB`);
    } catch {
      // It has ended meanwhile: that is told elsewhere.
    } finally {
      this.#isWeighing = false;
    }
  }

  /** Whose doing it is cannot be told: the thread may be further on by now. */
  #senseless(): void {
    this.#end(
      new EvenkeelError("FUNCTION_CRASHED", `${this.#options.birth.name} spoiled its thread: it makes no sense`),
    );
  }

  #fault(code: Code, what: string): void {
    const culprit = this.#inHand.get(Atomics.load(this.#current, 0));
    this.#end(new EvenkeelError(code, `${this.#options.birth.name} ${what}`), culprit);
  }

  #end(error: EvenkeelError, culprit?: Pending): void {
    if (this.#isOver) return;
    void this.end();
    const others = this.#inHand.values().filter((pending) => pending !== culprit);
    this.#options.onFault(error, culprit, others.toArray());
  }
}

/** Answers are weighed where they are remembered. */
function bytesOf(wanted: Pending["wanted"]): number {
  if (wanted.type === "config") return sizeOf(wanted.value);
  const { object, memo, config } = wanted.job;
  return sizeOf(object) + sizeOf(memo) + sizeOf(config);
}

/** What of it can nest too deep: a memo and a configuration that a schema gave were looked at before. */
function whatIsIn(wanted: Pending["wanted"]): string {
  return wanted.type === "config" ? "its configuration" : describe(wanted.job.object);
}

/** It reads the host's own code and the functions, and reaches nothing else: no network, no process, no addon. */
function confinement(functionsDir: string): Pick<WorkerOptions, "execArgv" | "env"> {
  const reads = [PACKAGE, functionsDir].map((path) => `--allow-fs-read=${path}`);
  const compiled = getCompileCacheDir();
  if (compiled === undefined) return { execArgv: ["--permission", ...reads], env: {} };
  // Without compiled modules at hand a thread takes types out by itself: three times the time, and 12 MiB.
  const cache = dirname(compiled);
  // The image's is found under any user; a thread that does not ask for such a one looks for its user's own.
  const { NODE_COMPILE_CACHE_PORTABLE: portable } = process.env;
  return {
    execArgv: ["--permission", ...reads, `--allow-fs-read=${cache}`, `--allow-fs-write=${cache}`],
    env: { NODE_COMPILE_CACHE: cache, ...(portable !== undefined && { NODE_COMPILE_CACHE_PORTABLE: portable }) },
  };
}

/** What it holds is not freed by answering. */
function fatalIn(outcome: Outcome): EvenkeelError | undefined {
  if (!("error" in outcome) || !("ours" in outcome.error)) return undefined;
  const { ours, what } = outcome.error;
  return ours === "FUNCTION_OUT_OF_MEMORY" ? new EvenkeelError(ours, what) : undefined;
}

function codeOfEnd(error: unknown): Code {
  return systemCode(error) === "ERR_WORKER_OUT_OF_MEMORY" ? "FUNCTION_OUT_OF_MEMORY" : "FUNCTION_CRASHED";
}

/** Its message could quote data. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return "something that is no Error was thrown";
  const name: unknown = "code" in error ? error.code : error.name;
  return typeof name === "string" && /^\w{1,64}$/.test(name) ? name : "an error of its own making";
}
