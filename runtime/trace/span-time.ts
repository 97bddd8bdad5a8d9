/**
 * The times of the spans of one trace: the wall clock is read once and the monotonic clock measures from there, so that children never
 * seem to begin before their parents and a jump of the wall clock bends no span.
 */
import type { HrTime } from "@opentelemetry/api";
import type { Clock } from "../clock/clock.ts";

export class SpanTime {
  readonly #clock: Clock;
  /** Epoch milliseconds at monotonic zero. */
  readonly #originMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#originMs = clock.wall() - clock.now();
  }

  now(): HrTime {
    return this.ago(0);
  }

  ago(ms: number): HrTime {
    const epochMs = this.#originMs + this.#clock.now() - Math.max(0, ms);
    const seconds = Math.floor(epochMs / 1000);
    return [seconds, Math.round((epochMs - seconds * 1000) * 1e6)];
  }
}
