/** Tells when nothing was heard for a while. One timer however much is heard, because initial events come by the ten thousand. */
import type { Clock, Timer } from "../clock/clock.ts";

export class QuietTimer {
  readonly #clock: Clock;
  readonly #quietMs: number;
  readonly #run: () => void;
  #timer: Timer;
  #heardMs: number;
  #isOver = false;

  /** Starts at once. `run` is called at most once, after `quietMs` without {@link heard}. */
  constructor(clock: Clock, quietMs: number, run: () => void) {
    this.#clock = clock;
    this.#quietMs = quietMs;
    this.#run = run;
    this.#heardMs = clock.now();
    this.#timer = this.#wakeAfter(quietMs);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  heard(): void {
    this.#heardMs = this.#clock.now();
  }

  cancel(): void {
    this.#timer.cancel();
  }

  #wakeAfter(delayMs: number): Timer {
    return this.#clock.after(delayMs, () => {
      const restMs = this.#heardMs + this.#quietMs - this.#clock.now();
      if (restMs > 0) {
        this.#timer = this.#wakeAfter(restMs);
        return;
      }
      this.#isOver = true;
      this.#run();
    });
  }
}
