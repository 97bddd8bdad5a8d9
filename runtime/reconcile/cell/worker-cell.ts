/**
 * A cell with a thread of its own. What the function does wrong ends the thread and blames the task that was under way; the
 * other tasks are handed over anew to the next thread, because a pure function can be run again. A function that fails
 * again and again is suspended for longer and longer.
 *
 *   asleep ── task ──→ loading ──→ working ── fault ──→ (suspended ──→) loading …
 *      ↑                              │
 *      └──── rest, nothing in hand ───┘
 */
import { backoffMs, type Clock, type Timer } from "../../clock/clock.ts";
import { EvenkeelError } from "../../kube/errors.ts";
import type { ConfigReading } from "../define.ts";
import type { OnRead } from "../resolve-hook.ts";
import type { Answers, Attempt, Cell, Declaration, Job } from "./cell.ts";
import type { Birth, OpenCell } from "./cells.ts";
import { receivedError, sentError, type Done, type Outcome, type Told } from "./messages.ts";
import { Thread, type Pending } from "./thread.ts";

/** One bad object must not hold up the others; a function that fails so often without one success is bad itself. */
const FAULTS_BEFORE_SUSPENSION = 3;
const SUSPENSION = { baseMs: 1_000, capMs: 60_000 };

/** Loads each function into a thread of its own. */
export function openWorker(clock: Clock): OpenCell {
  return async (birth) => {
    const cell = new WorkerCell(birth, clock);
    await cell.open(birth);
    return cell;
  };
}

interface Opening {
  readonly onRead: OnRead;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class WorkerCell implements Cell {
  readonly name: string;
  readonly #birth: Pick<Birth, "name" | "dir" | "file" | "generation">;
  readonly #clock: Clock;
  /** Of the version that was loaded: a later thread gets it from here, whatever became of the files. */
  readonly #texts = new Map<string, string>();
  #declaration: Declaration | undefined;
  #opening: Opening | undefined;
  #thread: Thread | undefined;
  #ending: Promise<void> | undefined;
  #isLoaded = false;
  /** Tasks that wait for the thread to be loaded, or for the end of a suspension. */
  #waiting: Pending[] = [];
  /** In a row. */
  #faultCount = 0;
  #suspension: Timer | undefined;
  #isResting = false;

  constructor({ name, dir, file, generation }: Birth, clock: Clock) {
    this.name = name;
    this.#birth = { name, dir, file, generation };
    this.#clock = clock;
  }

  /** Loads the function for the first time. Rejects with whatever its file threw. */
  async open({ onRead, signal }: Pick<Birth, "onRead" | "signal">): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#opening = { onRead, resolve, reject };
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    this.#start();
    try {
      await promise;
    } catch (error) {
      this.#sleep();
      throw error;
    } finally {
      this.#opening = undefined;
    }
  }

  get declaration(): Declaration {
    if (this.#declaration === undefined) throw new EvenkeelError("BUG", `${this.name} was used before it was open`);
    return this.#declaration;
  }

  async attempt(job: Job, answers: Answers): Promise<Attempt> {
    const outcome = await this.#ask({ type: "attempt", job, answers });
    if ("missing" in outcome) return outcome;
    if ("reading" in outcome)
      return { error: new EvenkeelError("BUG", `${this.name} answered another task`), reads: [] };
    const reads = outcome.reads.flatMap(([id, count]) => {
      const query = answers.get(id)?.query;
      return query === undefined ? [] : [{ query, count }];
    });
    return "effects" in outcome ? { effects: outcome.effects, reads } : { error: receivedError(outcome.error), reads };
  }

  async readConfig(value: unknown): Promise<ConfigReading> {
    const outcome = await this.#ask({ type: "config", value });
    if ("reading" in outcome) return outcome.reading;
    const error = "error" in outcome ? receivedError(outcome.error) : undefined;
    return { issues: [{ path: [], message: error instanceof Error ? error.message : "the schema gave no answer" }] };
  }

  /** Undoes {@link rest}. */
  wake(): void {
    this.#isResting = false;
  }

  rest(): void {
    this.#isResting = true;
    if (this.#suspension !== undefined) this.#refuseWaiting();
    this.#sleepIfIdle();
  }

  #ask(wanted: Pending["wanted"]): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#waiting.push({ wanted, settle: resolve });
    this.#handOver();
    return promise;
  }

  #handOver(): void {
    if (this.#suspension !== undefined) return this.#isResting ? this.#refuseWaiting() : undefined;
    if (this.#waiting.length === 0) return;
    if (this.#thread === undefined) return this.#start();
    if (!this.#isLoaded) return;
    // After a suspension one task shows whether the function is well again.
    const isOnTrial = this.#faultCount >= FAULTS_BEFORE_SUSPENSION;
    if (isOnTrial && this.#thread.inHandCount > 0) return;
    const ready = isOnTrial ? this.#waiting.slice(0, 1) : this.#waiting;
    this.#waiting = isOnTrial ? this.#waiting.slice(1) : [];
    for (const pending of ready) this.#thread.hand(pending);
  }

  #start(): void {
    if (this.#ending !== undefined) return;
    this.#isLoaded = false;
    const pinned = this.#declaration === undefined ? undefined : this.#texts;
    this.#thread = new Thread({
      birth: { ...this.#birth, pinned },
      clock: this.#clock,
      onTold: (told) => this.#told(told),
      onDone: () => this.#done(),
      onFault: (error, culprit, others) => this.#fault(error, culprit, others),
    });
  }

  #told(told: Exclude<Told, Done>): void {
    switch (told.type) {
      case "read":
        if (told.text !== undefined) this.#texts.set(told.path, told.text);
        return this.#opening?.onRead(told.path, told.text);
      case "loaded":
        this.#isLoaded = true;
        this.#declaration ??= told.declaration;
        this.#opening?.resolve();
        return this.#handOver();
      case "failed":
        this.#opening?.reject(receivedError(told.error));
        this.#sleep();
        for (const { settle } of this.#waiting.splice(0)) settle({ error: told.error, reads: [] });
    }
  }

  #done(): void {
    this.#faultCount = 0;
    this.#handOver();
    this.#sleepIfIdle();
  }

  #fault(error: EvenkeelError, culprit: Pending | undefined, others: readonly Pending[]): void {
    this.#sleep();
    this.#faultCount++;
    this.#opening?.reject(error);
    culprit?.settle({ error: sentError(error), reads: [] });
    this.#waiting = [...others, ...this.#waiting];
    const suspensions = this.#faultCount - FAULTS_BEFORE_SUSPENSION;
    if (suspensions >= 0) {
      this.#suspension = this.#clock.after(backoffMs(this.#clock, suspensions, SUSPENSION), () => {
        this.#suspension = undefined;
        this.#handOver();
      });
    }
    this.#handOver();
  }

  /** What would wait longer than whoever asked can. */
  #refuseWaiting(): void {
    const error = sentError(
      new EvenkeelError("FUNCTION_SUSPENDED", `${this.name} failed ${this.#faultCount} times in a row`),
    );
    for (const { settle } of this.#waiting.splice(0)) settle({ error, reads: [] });
  }

  #sleepIfIdle(): void {
    if (this.#isResting && this.#waiting.length === 0 && this.#thread?.inHandCount === 0) this.#sleep();
  }

  /** Another thread is not begun before this one is gone: one that cannot be ended must not become many. */
  #sleep(): void {
    if (this.#thread === undefined) return;
    this.#ending = this.#end(this.#thread);
    this.#thread = undefined;
  }

  async #end(thread: Thread): Promise<void> {
    await thread.end();
    this.#ending = undefined;
    this.#handOver();
  }
}
