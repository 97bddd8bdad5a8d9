/** How long one exchange may take: ends it when its time is up, or when the caller does. */
import type { Clock, Timer } from "../clock/clock.ts";
import { EvenkeelError } from "./errors.ts";

/**
 * Its signal aborts once, with the reason to throw: API_TIMEOUT, or the caller's own reason.
 * `clear` it when the exchange is over.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: Timer;
  readonly #caller: AbortSignal | undefined;

  /** @param what the call, for the message: `get v1/ConfigMap team-a/settings` */
  constructor(clock: Clock, what: string, dueMs: number, caller: AbortSignal | undefined) {
    this.#caller = caller;
    this.#timer = clock.after(dueMs, () =>
      this.expire(new EvenkeelError("API_TIMEOUT", `${what}: no complete answer within ${dueMs} ms`)),
    );
    caller?.addEventListener("abort", this.#follow, { once: true });
    if (caller?.aborted) this.#follow();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the exchange now. Only the first reason counts. */
  expire(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** What to throw for `error`: once aborted, the reason of that, whatever the transport made of it. */
  reasonFor(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error;
  }

  clear(): void {
    this.#timer.cancel();
    this.#caller?.removeEventListener("abort", this.#follow);
  }

  readonly #follow = (): void => this.expire(this.#caller?.reason);
}

/** `promise`, or the signal's reason if that comes first: for work that is shared and goes on without this caller. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) {
    // Nobody will look at its outcome here; a failure must not count as unhandled.
    promise.catch(() => undefined);
    throw signal.reason;
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
