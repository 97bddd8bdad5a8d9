/**
 * How often the failures of one function are told in the log: the first few of each code in full, the others as a count. One
 * object that a function cannot bear is told at once; ten thousand of them do not bury what else there is to say.
 */
import type { Clock } from "../clock/clock.ts";
import type { Code } from "../kube/errors.ts";
import type { Logger } from "../trace/logs.ts";

/** As many as one can read. */
const IN_FULL = 10;
const PERIOD_MS = 60_000;

export class FailureLog {
  readonly #name: string;
  readonly #log: Logger;
  readonly #clock: Clock;
  /** Failures of the current period; a code is forgotten when one ends in which nothing was left out. */
  readonly #counts = new Map<Code, number>();
  #isClosed = false;

  /** @param name the function's */
  constructor(name: string, { log, clock }: { readonly log: Logger; readonly clock: Clock }) {
    this.#name = name;
    this.#log = log;
    this.#clock = clock;
  }

  /** Counts one more failure. @returns whether it is to be told in full */
  admits(code: Code): boolean {
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    if (count === 1) this.#clock.after(PERIOD_MS, () => this.#endPeriod(code));
    return count <= IN_FULL;
  }

  /** Tells what was left out so far, and nothing after that. */
  close(): void {
    for (const code of this.#counts.keys()) this.#endPeriod(code);
    this.#isClosed = true;
  }

  #endPeriod(code: Code): void {
    if (this.#isClosed) return;
    const leftOut = (this.#counts.get(code) ?? 0) - IN_FULL;
    this.#counts.delete(code);
    if (leftOut > 0)
      this.#log.info("more reconciles failed with the same code", { function: this.#name, code, count: leftOut });
  }
}
