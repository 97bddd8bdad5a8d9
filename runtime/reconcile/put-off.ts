/**
 * Keys that were woken by writes of this process, while more of these are under way. Whoever waits for the writes that are
 * still to be sent waits for them alone; and what follows them goes together, which wakes a function's thread less often.
 */
import type { Clock, Timer } from "../clock/clock.ts";
import type { Priority } from "../queue/entry.ts";
import type { WriteCauses } from "./write-causes.ts";

/** How long a key may wait where there are always writes under way. */
const MAX_MS = 250;

export class PutOff {
  readonly #clock: Clock;
  readonly #resume: (key: string, priority: Priority) => void;
  readonly #stop: () => void;
  #keys = new Map<string, Priority>();
  #timer: Timer | undefined;

  /** @param resume called for each key when no write is under way any more, or when it has waited long enough */
  constructor(clock: Clock, causes: WriteCauses, resume: (key: string, priority: Priority) => void) {
    this.#clock = clock;
    this.#resume = resume;
    this.#stop = causes.onQuiet(this.#resumeAll);
  }

  add(key: string, priority: Priority): void {
    this.#timer ??= this.#clock.after(MAX_MS, this.#resumeAll);
    if (this.#keys.get(key) !== "high") this.#keys.set(key, priority);
  }

  /** Something else made the key run. */
  delete(key: string): void {
    this.#keys.delete(key);
  }

  /** Forgets all keys. */
  close(): void {
    this.#stop();
    this.#timer?.cancel();
    this.#keys.clear();
  }

  readonly #resumeAll = (): void => {
    this.#timer?.cancel();
    this.#timer = undefined;
    const keys = this.#keys;
    if (keys.size === 0) return;
    this.#keys = new Map();
    for (const [key, priority] of keys) this.#resume(key, priority);
  };
}
