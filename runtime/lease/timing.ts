/** The four durations of an election, and how they must relate. client-go's names, defaults and rules. */
import { invariant } from "../kube/errors.ts";

export interface LeaseTimingOptions {
  /** How long others leave a lease alone that is not renewed. Whole seconds: the record has no finer unit. Default 15 000. */
  readonly leaseDurationMs?: number | undefined;
  /** After so long without a renewal the leader stops by itself. Default 10 000. */
  readonly renewDeadlineMs?: number | undefined;
  /** Between two attempts. Default 2 000. */
  readonly retryPeriodMs?: number | undefined;
}

export interface LeaseTiming {
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  /** How long one attempt may take: three that are never answered fit between two renewals before the deadline. */
  readonly attemptMs: number;
}

/** A candidate waits retryPeriod · [1, 1 + JITTER): candidates that started together drift apart. */
export const JITTER = 1.2;

/**
 * @throws EvenkeelError BUG unless leaseDuration > renewDeadline > 1.2 · retryPeriod > 0 and leaseDuration is in
 * whole seconds. The first relation is what keeps two leaders apart: clocks may differ in rate by leaseDuration /
 * renewDeadline (1.5 by default).
 * Source: client-go tools/leaderelection (NewLeaderElector).
 */
export function leaseTiming({
  leaseDurationMs = 15_000,
  renewDeadlineMs = 10_000,
  retryPeriodMs = 2_000,
}: LeaseTimingOptions = {}): LeaseTiming {
  invariant(retryPeriodMs > 0, `leader election: retryPeriod ${retryPeriodMs} ms must be positive`);
  invariant(
    renewDeadlineMs > JITTER * retryPeriodMs,
    `leader election: renewDeadline ${renewDeadlineMs} ms must be more than ${JITTER} × retryPeriod ${retryPeriodMs} ms`,
  );
  invariant(
    leaseDurationMs > renewDeadlineMs,
    `leader election: leaseDuration ${leaseDurationMs} ms must be more than renewDeadline ${renewDeadlineMs} ms`,
  );
  invariant(
    leaseDurationMs >= 1000 && leaseDurationMs % 1000 === 0,
    `leader election: leaseDuration ${leaseDurationMs} ms must be whole seconds`,
  );
  return { leaseDurationMs, renewDeadlineMs, retryPeriodMs, attemptMs: (renewDeadlineMs - retryPeriodMs) / 3 };
}
