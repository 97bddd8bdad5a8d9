/** Tells when nothing was heard for a while. One timer however much is heard, because events come by the ten thousand. */
import type { Clock, Timer } from "./clock.ts";

export class QuietTimer {
  readonly #clock: Clock;
  readonly #quietMs: number;
  readonly #run: () => void;
  #timer: Timer;
  #heardMs: number;
  #isPaused = false;
  #isOver = false;

  /** Starts at once. `run` is called at most once, after `quietMs` without {@link heard}. */
  constructor(clock: Clock, quietMs: number, run: () => void) {
    this.#clock = clock;
    this.#quietMs = quietMs;
    this.#run = run;
    this.#heardMs = clock.now();
    this.#timer = clock.after(quietMs, this.#check);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ends a pause too. */
  heard(): void {
    this.#isPaused = false;
    this.#heardMs = this.#clock.now();
  }

  /** Until {@link heard}, time does not count: we are not listening. */
  pause(): void {
    this.#isPaused = true;
  }

  cancel(): void {
    this.#timer.cancel();
  }

  readonly #check = (): void => {
    const restMs = this.#isPaused ? this.#quietMs : this.#heardMs + this.#quietMs - this.#clock.now();
    if (restMs > 0) {
      this.#timer = this.#clock.after(restMs, this.#check);
      return;
    }
    this.#isOver = true;
    this.#run();
  };
}
