/**
 * Waiting in real time, because what is waited for are real processes. Unlike the Clock's timers these keep the test
 * process alive.
 */
import { setTimeout as delay } from "node:timers/promises";

import { systemClock } from "../../runtime/clock/clock.ts";

export interface UntilOptions {
  /** Completes the sentence "not within 5 s: …". */
  readonly what: string;
  readonly limitMs?: number;
  readonly everyMs?: number;
}

/** Asks until the answer is not `undefined` and returns it. @throws Error after the limit; whatever `ask` throws, at once. */
export async function until<T>(
  ask: () => T | undefined | Promise<T | undefined>,
  { what, limitMs = 30_000, everyMs = 50 }: UntilOptions,
): Promise<T> {
  const startedMs = systemClock.now();
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (systemClock.now() - startedMs > limitMs) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
    await delay(everyMs);
  }
}
