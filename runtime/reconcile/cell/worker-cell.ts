/**
 * A cell with a thread of its own. What the function does wrong ends the thread and blames the task that was under way; the
 * other tasks are handed over anew to the next thread, because a pure function can be run again. A function that fails
 * again and again is suspended for longer and longer; a run that succeeds, or a pause after which nobody waits, ends that.
 *
 *   asleep ── task ──→ loading ──→ working ── fault ──→ (suspended ──→) loading …
 *      ↑                              │
 *      └──── rest, nothing in hand ───┘
 */
import { backoffMs, type Clock } from "../../clock/clock.ts";
import { EvenkeelError } from "../../kube/errors.ts";
import type { ConfigReading } from "../define.ts";
import type { OnRead } from "../resolve-hook.ts";
import type { Answers, Attempt, Cell, Declaration, Job, ThreadFaults } from "./cell.ts";
import type { Birth, OpenCell } from "./open-cell.ts";
import type { Outcome } from "./thread-messages.ts";
import { receivedError, sentError } from "./sent-error.ts";
import { Thread, type Pending, type ToldAtOnce } from "./thread.ts";

/** One bad object must not hold up the others; a function that fails so often without one success is bad itself. */
const FAULTS_BEFORE_SUSPENSION = 3;
/** A thread ends within milliseconds, unless it is in one long step of V8's own. */
const STUCK_AFTER_MS = 2_000;
/** More saves little. */
const OUTCOMES_PER_MESSAGE = 8;
const SUSPENSION = { baseMs: 1_000, capMs: 60_000 };

/** Told when a function is suspended, and why; and without a reason when it is so no longer. Must not throw. */
export type OnSuspension = (name: string, why: EvenkeelError | undefined) => void;

/** Loads each function into a thread of its own. */
export function openWorker(clock: Clock, onSuspension: OnSuspension = () => {}): OpenCell {
  return async (birth) => {
    const cell = new WorkerCell(birth, clock, onSuspension);
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
  readonly #onSuspension: OnSuspension;
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
  #allFaultCount = 0;
  #lastFault: EvenkeelError | undefined;
  #suspendedUntilMs: number | undefined;
  #isResting = false;
  /** The former thread does not come to its end. */
  #isStuck = false;

  constructor({ name, dir, file, generation }: Birth, clock: Clock, onSuspension: OnSuspension) {
    this.name = name;
    this.#birth = { name, dir, file, generation };
    this.#clock = clock;
    this.#onSuspension = onSuspension;
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

  get threadFaults(): ThreadFaults | undefined {
    if (this.#lastFault === undefined) return undefined;
    const isSuspended = this.#isStuck || this.#faultCount >= FAULTS_BEFORE_SUSPENSION;
    const leftMs = (this.#suspendedUntilMs ?? 0) - this.#clock.now();
    return {
      faultCount: this.#allFaultCount,
      error: this.#lastFault,
      suspendedForMs: isSuspended ? Math.max(0, leftMs) : undefined,
    };
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
    if (this.#suspendedUntilMs !== undefined) this.#refuseWaiting();
    this.#sleepIfIdle();
  }

  #ask(wanted: Pending["wanted"]): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#waiting.push({ wanted, settle: resolve });
    this.#handOver();
    return promise;
  }

  #handOver(): void {
    if (this.#isStuck || (this.#suspendedUntilMs !== undefined && this.#isResting)) this.#refuseWaiting();
    // A configuration always: another one may be all that a suspended function needs.
    const mayGo = ({ wanted }: Pending): boolean => this.#suspendedUntilMs === undefined || wanted.type === "config";
    if (!this.#waiting.some(mayGo)) return;
    if (this.#thread === undefined) return this.#start();
    if (!this.#isLoaded) return;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((pending) => !mayGo(pending));
    for (const pending of waiting) if (mayGo(pending)) this.#thread.hand(pending);
    this.#sleepIfIdle();
  }

  #start(): void {
    if (this.#ending !== undefined) return;
    this.#isLoaded = false;
    const pinned = this.#declaration === undefined ? undefined : this.#texts;
    this.#thread = new Thread({
      // After a fault, each outcome is sent on its own, so that the next fault loses none.
      birth: { ...this.#birth, pinned, outcomesPerMessage: this.#faultCount === 0 ? OUTCOMES_PER_MESSAGE : 1 },
      clock: this.#clock,
      onTold: (told) => this.#told(told),
      onDone: (hasRun) => this.#done(hasRun),
      onFault: (error, culprit, others) => this.#fault(error, culprit, others),
    });
  }

  #told(told: ToldAtOnce): void {
    switch (told.type) {
      case "read":
        if (told.text !== undefined && this.#declaration === undefined) this.#texts.set(told.path, told.text);
        return this.#opening?.onRead(told.path, told.text);
      case "loaded":
        this.#isLoaded = true;
        this.#declaration ??= told.declaration;
        this.#opening?.resolve();
        return this.#handOver();
      case "printed":
        return void process.stderr.write(told.text.replaceAll(/^(?=.)/gm, `${this.name}: `));
      case "failed":
        if (this.#opening === undefined)
          return this.#fault(new EvenkeelError("FUNCTION_CRASHED", `${this.name} loaded once and does not load again`));
        this.#opening.reject(receivedError(told.error));
        return this.#sleep();
      default:
        return told satisfies never;
    }
  }

  #done(hasRun: boolean): void {
    if (hasRun) this.#forgive();
    this.#handOver();
    this.#sleepIfIdle();
  }

  #forgive(): void {
    if (this.#faultCount >= FAULTS_BEFORE_SUSPENSION) this.#onSuspension(this.name, undefined);
    this.#faultCount = 0;
  }

  #fault(error: EvenkeelError, culprit?: Pending, others: readonly Pending[] = []): void {
    this.#sleep();
    this.#faultCount++;
    this.#allFaultCount++;
    this.#lastFault = error;
    this.#opening?.reject(error);
    culprit?.settle({ error: sentError(error), reads: [] });
    this.#waiting = [...others, ...this.#waiting];
    if (this.#faultCount >= FAULTS_BEFORE_SUSPENSION) this.#suspend(error, culprit);
    this.#handOver();
  }

  #suspend(error: EvenkeelError, culprit: Pending | undefined): void {
    // Where nobody is to blame, somebody has to hear of it all the same.
    if (culprit === undefined) this.#waiting.shift()?.settle({ error: sentError(error), reads: [] });
    const former = this.#faultCount - FAULTS_BEFORE_SUSPENSION;
    const forMs = backoffMs(this.#clock, former, SUSPENSION);
    this.#suspendedUntilMs = this.#clock.now() + forMs;
    this.#clock.after(forMs, () => {
      this.#suspendedUntilMs = undefined;
      // Who was at fault may be gone, and then no run would ever show that all is well.
      if (this.#waiting.length === 0 && !this.#isResting) this.#forgive();
      this.#handOver();
    });
    if (former === 0) this.#onSuspension(this.name, error);
  }

  /** What would wait longer than whoever asked can. */
  #refuseWaiting(): void {
    const why = this.#isStuck ? "is in a step that cannot be broken off" : `failed ${this.#faultCount} times in a row`;
    const error = sentError(new EvenkeelError("FUNCTION_SUSPENDED", `${this.name} ${why}`));
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
    const patience = this.#clock.after(STUCK_AFTER_MS, () => {
      this.#isStuck = true;
      this.#refuseWaiting();
    });
    await thread.end();
    patience.cancel();
    this.#isStuck = false;
    this.#ending = undefined;
    this.#handOver();
  }
}
