/**
 * The clock of one replica, derived from the true time of a test: it may run fast or slow, be set, and its process may be
 * stopped (SIGSTOP) or its machine suspended. While it is, no timer fires and no answer is received.
 */
import type { Clock, Timer } from "../../runtime/clock/clock.ts";
import type { VirtualClock } from "../support/virtual-clock.ts";

interface Alarm {
  readonly dueMs: number;
  readonly run: () => void;
  timer: Timer | undefined;
}

export class ReplicaClock implements Clock {
  readonly #truth: VirtualClock;
  readonly #rate: number;
  #wallShiftMs = 0;
  /** Time that the monotonic clock has missed. */
  #missedMs = 0;
  #suspendedAtMs: number | undefined;
  #awake: PromiseWithResolvers<void> | undefined;
  readonly #held = new Set<Alarm>();

  constructor(truth: VirtualClock, { rate = 1 }: { readonly rate?: number } = {}) {
    this.#truth = truth;
    this.#rate = rate;
  }

  now(): number {
    return ((this.#suspendedAtMs ?? this.#truth.now()) - this.#missedMs) * this.#rate;
  }

  wall(): number {
    return this.#truth.wall() + this.#truth.now() * (this.#rate - 1) + this.#wallShiftMs;
  }

  random(): number {
    return this.#truth.random();
  }

  after(delayMs: number, run: () => void): Timer {
    const alarm: Alarm = { dueMs: this.now() + Math.max(0, delayMs), run, timer: undefined };
    this.#set(alarm);
    return {
      cancel: () => {
        alarm.timer?.cancel();
        this.#held.delete(alarm);
      },
    };
  }

  /** Sets the wall clock. */
  setWall(byMs: number): void {
    this.#wallShiftMs += byMs;
  }

  /** SIGSTOP: both clocks go on. */
  stop(): void {
    this.#awake ??= Promise.withResolvers<void>();
  }

  /** The machine sleeps: the monotonic clock stands still. */
  suspend(): void {
    this.stop();
    this.#suspendedAtMs ??= this.#truth.now();
  }

  /** SIGCONT, or the machine wakes up: what fell due meanwhile happens now. */
  resume(): void {
    if (this.#suspendedAtMs !== undefined) this.#missedMs += this.#truth.now() - this.#suspendedAtMs;
    this.#suspendedAtMs = undefined;
    this.#awake?.resolve();
    this.#awake = undefined;
    const held = [...this.#held];
    this.#held.clear();
    for (const alarm of held) this.#set(alarm);
  }

  /** Resolves when the process runs. */
  async awake(): Promise<void> {
    while (this.#awake !== undefined) await this.#awake.promise;
  }

  #set(alarm: Alarm): void {
    alarm.timer = this.#truth.after((alarm.dueMs - this.now()) / this.#rate, () => this.#ring(alarm));
  }

  #ring(alarm: Alarm): void {
    if (this.#awake !== undefined) this.#held.add(alarm);
    else if (this.now() < alarm.dueMs - 1e-6) this.#set(alarm);
    else alarm.run();
  }
}
