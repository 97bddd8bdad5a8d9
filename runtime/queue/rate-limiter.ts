/**
 * How long a key that failed waits before its next try. Only retries are limited: a change in the cluster is queued at
 * once, however often its key has failed.
 */
import type { Clock } from "../clock/clock.ts";
import { invariant } from "../kube/errors.ts";

export interface RateLimiter {
  /** Counts one more failure of `key` and says how long it has to wait, in milliseconds ≥ 0. */
  delayMs(key: string): number;
  /** `key` succeeded or is given up: its failures no longer count. What is never forgotten is kept for ever. */
  forget(key: string): void;
  /** How many failures of `key` count now. */
  retries(key: string): number;
}

/**
 * Each failure of a key doubles its delay: `baseMs · 2^failures`, at most `capMs`. Keys do not affect each other.
 * @param baseMs for tests, which count with small numbers
 * @throws EvenkeelError BUG unless 0 < baseMs ≤ capMs
 * Source of the defaults: client-go util/workqueue/default_rate_limiters.go; the cap is reached at the 19th failure.
 */
export function exponentialLimiter({
  baseMs = 5,
  capMs = 1_000_000,
}: { readonly baseMs?: number; readonly capMs?: number } = {}): RateLimiter {
  invariant(baseMs > 0 && baseMs <= capMs, `exponentialLimiter: 0 < baseMs ${baseMs} ≤ capMs ${capMs} must hold`);
  const failures = new Map<string, number>();
  return {
    delayMs(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      return Math.min(capMs, baseMs * 2 ** count); // 2 ** 1024 and above is Infinity, of which the cap is the minimum
    },
    forget: (key) => void failures.delete(key),
    retries: (key) => failures.get(key) ?? 0,
  };
}

/** The longest that a key waits because of others. */
const MAX_QUEUE_MS = 30_000;

/**
 * One bucket for all keys: `burst` retries at once, then `qps` a second. By reservation: each call takes its token at
 * once, from the future if need be, and waits until it would have been there. A token once taken is not given back, so
 * where more is owed than {@link MAX_QUEUE_MS} can pay, the bucket gives way: the rest is spread over that time.
 * @throws EvenkeelError BUG unless qps > 0 and burst ≥ 1
 */
export function tokenBucket(
  clock: Clock,
  { qps, burst }: { readonly qps: number; readonly burst: number },
): RateLimiter {
  invariant(qps > 0 && burst >= 1, `tokenBucket: qps ${qps} must be positive and burst ${burst} at least 1`);
  let tokens = burst;
  let filledMs = clock.now();
  return {
    delayMs() {
      const nowMs = clock.now();
      tokens = Math.min(burst, tokens + ((nowMs - filledMs) * qps) / 1000) - 1;
      filledMs = nowMs;
      const waitMs = tokens >= 0 ? 0 : (-tokens * 1000) / qps;
      if (waitMs <= MAX_QUEUE_MS) return waitMs;
      tokens++;
      return clock.random() * MAX_QUEUE_MS;
    },
    forget: () => {},
    retries: () => 0,
  };
}

/** The longest delay that any of `limiters` asks for. Each of them counts the failure. */
export function maxOf(...limiters: readonly RateLimiter[]): RateLimiter {
  return {
    delayMs: (key) => limiters.reduce((longestMs, limiter) => Math.max(longestMs, limiter.delayMs(key)), 0),
    forget: (key) => limiters.forEach((limiter) => limiter.forget(key)),
    retries: (key) => limiters.reduce((most, limiter) => Math.max(most, limiter.retries(key)), 0),
  };
}
