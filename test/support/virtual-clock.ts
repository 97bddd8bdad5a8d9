/** A Clock whose time moves only when a test says so. Timers fire in order of due time, then of creation. */
import type { Clock, Timer } from "../../runtime/clock/clock.ts";

interface Entry {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #entries = new Set<Entry>();
  #seed: number;
  readonly #epochMs: number;

  constructor({
    epochMs = Date.UTC(2026, 0, 1),
    seed = 1,
  }: { readonly epochMs?: number; readonly seed?: number } = {}) {
    this.#epochMs = epochMs;
    this.#seed = seed >>> 0;
  }

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#epochMs + this.#nowMs;
  }

  /** mulberry32: small, seeded, good enough for jitter. */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) >>> 0;
    let t = this.#seed;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  after(delayMs: number, run: () => void): Timer {
    const entry: Entry = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#entries.add(entry);
    return { cancel: () => void this.#entries.delete(entry) };
  }

  /** How many timers are waiting. */
  get pendingCount(): number {
    return this.#entries.size;
  }

  /** Moves time by `ms`, firing what falls due and letting promises settle between timers. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#fire(next);
      await settle();
    }
    this.#nowMs = untilMs;
  }

  /** As `advance`, without yielding: for tests that move time too often to let promises settle each time. */
  step(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) this.#fire(next);
    this.#nowMs = untilMs;
  }

  #fire(entry: Entry): void {
    this.#entries.delete(entry);
    this.#nowMs = Math.max(this.#nowMs, entry.dueMs);
    entry.run();
  }

  #next(untilMs: number): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.dueMs > untilMs) continue;
      if (
        first === undefined ||
        entry.dueMs < first.dueMs ||
        (entry.dueMs === first.dueMs && entry.order < first.order)
      )
        first = entry;
    }
    return first;
  }
}

/** Lets everything run that is ready to: promise chains, and stream reads that hop through macrotasks. */
export async function settle(turns = 8): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
