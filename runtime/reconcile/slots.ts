/** How much may be under way at once: writes and live reads over all keys, loads of functions. First come, first served. */

export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];
  #next = 0;

  /** @param count ≥ 1 */
  constructor(count: number) {
    this.#free = count;
  }

  /** Runs `work` once a slot is free. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#turn();
    try {
      return await work();
    } finally {
      this.#pass();
    }
  }

  #turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    return promise;
  }

  /** The slot goes straight to whoever waits longest. */
  #pass(): void {
    const next = this.#waiting[this.#next];
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#next++;
    // The served part is cut off in bulk, so that a long line costs no shift per turn.
    if (this.#next === this.#waiting.length || this.#next >= 1024) {
      this.#waiting.splice(0, this.#next);
      this.#next = 0;
    }
    next();
  }
}
