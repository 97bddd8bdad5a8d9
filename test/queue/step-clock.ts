/** A Clock that a test steps by hand, without yielding: for tests that move time too often to let promises settle each time. */
import type { Clock, Timer } from "../../runtime/clock/clock.ts";

interface Waiting {
  readonly dueMs: number;
  readonly run: () => void;
}

export class StepClock implements Clock {
  #nowMs = 0;
  #waiting: Waiting[] = [];

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#nowMs;
  }

  random(): number {
    return 0;
  }

  after(delayMs: number, run: () => void): Timer {
    const waiting: Waiting = { dueMs: this.#nowMs + Math.max(0, delayMs), run };
    this.#waiting.push(waiting);
    return { cancel: () => void (this.#waiting = this.#waiting.filter((other) => other !== waiting)) };
  }

  get pendingCount(): number {
    return this.#waiting.length;
  }

  /** Moves time by `ms` and fires each timer that falls due, at its time. */
  step(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      let first: Waiting | undefined;
      for (const waiting of this.#waiting)
        if (waiting.dueMs <= untilMs && (first === undefined || waiting.dueMs < first.dueMs)) first = waiting;
      if (first === undefined) break;
      this.#waiting.splice(this.#waiting.indexOf(first), 1);
      this.#nowMs = Math.max(this.#nowMs, first.dueMs);
      first.run();
    }
    this.#nowMs = untilMs;
  }
}
