/**
 * A moment on both clocks. They disagree: the monotonic one may stand still while the machine is suspended, the wall one
 * jumps when it is set.
 */
import type { Clock } from "../clock/clock.ts";

export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function instant(clock: Clock): Instant {
  return { monotonicMs: clock.now(), wallMs: clock.wall() };
}

/** Time since, by the clock that says more: never too little, unless the wall clock is set back during a suspension. */
export function elapsedMs(clock: Clock, since: Instant): number {
  return Math.max(clock.now() - since.monotonicMs, clock.wall() - since.wallMs);
}
