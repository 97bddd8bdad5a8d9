/**
 * What the workqueue tells those who measure it. These are the events behind the `workqueue_…` counters and histograms;
 * the gauges (depth, unfinished work, longest running) are read from the queue itself when they are scraped, so they are
 * never stale and cost nothing in between.
 */

/** Called in the middle of the queue's own work: must be quick, must not throw, must not call the queue. */
export interface WorkqueueObserver {
  /** A key became ready. Not called when it was ready already, nor when it is only delayed or dirty. */
  added(): void;
  /** A key was handed to a worker after being ready for `queuedMs`. */
  taken(queuedMs: number): void;
  /** A worker was done with a key after `workMs`. */
  done(workMs: number): void;
  /** A key was added with a delay, whatever its length: a retry or a `requeueAfterMs`. */
  retried(): void;
}
