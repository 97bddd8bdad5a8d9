/** What a start cannot go on without is asked of the API server until it is answered, within bounds. */
import { backoffMs, sleep, type Clock } from "../clock/clock.ts";
import { untilAborted } from "../kube/deadline.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { requestedDelayMs } from "../kube/retry-after.ts";

interface InsistOptions {
  readonly clock: Clock;
  /** For messages. */
  readonly server: string;
  /** Ends it at once. */
  readonly signal: AbortSignal;
}

/** A server that is merely busy answers by then. */
const DEADLINE_MS = 10_000;

/** Of a server that is there and will answer by and by. Whatever else it is, somebody has to mend: that is told at once. */
const PASSING: ReadonlySet<string> = new Set(["API_TIMEOUT", "API_UNAVAILABLE", "API_TOO_MANY_REQUESTS"]);

/**
 * @param ask is aborted when the time is up
 * @throws EvenkeelError its own, where that will not pass; API_UNREACHABLE, with the words of the last, when time is up
 * @throws the reason of the signal
 */
export async function insist<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  { clock, server, signal }: InsistOptions,
): Promise<T> {
  let last: EvenkeelError | undefined;
  const overdue = new AbortController();
  const timer = clock.after(DEADLINE_MS, () => {
    const seconds = `${DEADLINE_MS / 1000} s`;
    const why =
      last === undefined ? `it did not answer within ${seconds}` : `for ${seconds} no other answer than: ${last.what}`;
    overdue.abort(new EvenkeelError("API_UNREACHABLE", `${server}: ${why}`));
  });
  const end = AbortSignal.any([signal, overdue.signal]);
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        end.throwIfAborted();
        return await untilAborted(ask(end), end);
      } catch (error) {
        end.throwIfAborted();
        if (!(error instanceof EvenkeelError) || !PASSING.has(error.code)) throw error;
        last = error;
        const pauseMs = backoffMs(clock, attempt, { baseMs: 250, capMs: 2_000 });
        await sleep(clock, Math.max(pauseMs, requestedDelayMs(error, clock) ?? 0), end);
      }
    }
  } finally {
    timer.cancel();
  }
}
