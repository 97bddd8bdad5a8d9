/**
 * Waiting in real time, for what happens outside this process or in another thread. Unlike the Clock's timers these keep the
 * test process alive; the limits tell a hang from a slow machine, and measure nothing.
 */
import { setTimeout as delay } from "node:timers/promises";
import { inspect, isDeepStrictEqual } from "node:util";
import { systemClock } from "../../runtime/clock/clock.ts";

const LIMIT_MS = 30_000;

export interface UntilOptions {
  /** Completes the sentence "not within 30 s: …". */
  readonly what: string | (() => string);
  readonly limitMs?: number;
  readonly everyMs?: number;
}

/** Asks until there is an answer, and returns it. @throws Error after the limit; whatever `ask` throws, at once. */
export async function until<T>(
  ask: () => T | false | undefined | Promise<T | false | undefined>,
  { what, limitMs = LIMIT_MS, everyMs = 50 }: UntilOptions,
): Promise<T> {
  const startedMs = systemClock.now();
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (systemClock.now() - startedMs > limitMs)
      throw new Error(`not within ${limitMs / 1000} s: ${typeof what === "string" ? what : what()}`);
    await delay(everyMs);
  }
}

/** Behaviours say 5 s; a busy machine with two cores may take longer. */
const CONVERGE_MS = 15_000;

/** Asks until the answer is `wanted`, deeply. @throws Error with the last answer after the limit; whatever `ask` throws */
export async function becomes(ask: () => Promise<unknown>, wanted: unknown, limitMs = CONVERGE_MS): Promise<void> {
  let seen: unknown;
  const isThere = async (): Promise<boolean> => isDeepStrictEqual((seen = await ask()), wanted);
  const what = (): string => `${inspect(wanted, { depth: 9 })}; last ${inspect(seen, { depth: 9 })}`;
  await until(isThere, { what, limitMs, everyMs: 100 });
}
