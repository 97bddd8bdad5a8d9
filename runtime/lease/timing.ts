/** The four durations of an election. Names and values: client-go tools/leaderelection (NewLeaderElector). */

/** A candidate waits retryPeriod · [1, 1 + JITTER): candidates that started together drift apart. */
export const JITTER = 1.2;

/** How long others leave a lease alone that is not renewed. Whole seconds: the record has no finer unit. */
const leaseDurationMs = 15_000;

/**
 * After so long without a renewal the leader stops by itself. Less than leaseDuration: that keeps two leaders apart,
 * whose clocks may differ in rate by leaseDuration / renewDeadline, 1.5.
 */
const renewDeadlineMs = 10_000;

/** Between two attempts. Times JITTER it is less than renewDeadline. */
const retryPeriodMs = 2_000;

/** How long one request may take: three that are never answered fit between two renewals before the deadline. */
const requestMs = (renewDeadlineMs - retryPeriodMs) / 3;

export const TIMING = { leaseDurationMs, renewDeadlineMs, retryPeriodMs, requestMs } as const;
