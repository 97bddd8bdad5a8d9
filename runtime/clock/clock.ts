/** The host's only source of time and chance. Everything that waits, expires or jitters takes a Clock, so tests run in virtual time. */

export interface Timer {
  /** Idempotent; a cancelled timer never runs. */
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds. Only differences mean anything. */
  now(): number;
  /** Milliseconds since the Unix epoch, for timestamps that leave the process. May jump. */
  wall(): number;
  /** Uniform in [0, 1), for jitter. */
  random(): number;
  /** Runs `run` once, `delayMs` ≥ 0 from now, never in the calling turn. Does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer;
}

/** setTimeout's own limit; a longer delay would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  random: () => Math.random(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/**
 * Resolves after `delayMs`, or at once when `signal` is aborted (never rejects: the caller looks at the signal).
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = (): void => {
    timer.cancel();
    signal?.removeEventListener("abort", wake);
    resolve();
  };
  const timer = clock.after(delayMs, wake);
  signal?.addEventListener("abort", wake, { once: true });
  return promise;
}

/** `baseMs · 2^attempt`, at most `capMs`, then spread by up to `jitter` of itself upwards. `attempt` counts from 0. */
export function backoffMs(
  clock: Clock,
  attempt: number,
  { baseMs, capMs, jitter = 1 }: { readonly baseMs: number; readonly capMs: number; readonly jitter?: number },
): number {
  const grown = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 64));
  return grown * (1 + jitter * clock.random());
}
