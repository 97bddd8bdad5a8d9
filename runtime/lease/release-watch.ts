/**
 * Tells a candidate at once when the lease is given up, so that a successor leads in milliseconds rather than after the
 * next poll. A hint, never the truth: the candidate reads the record all the same, and polls when watching is not allowed.
 */
import { backoffMs, sleep, type Clock } from "../clock/clock.ts";
import type { Api } from "../kube/api.ts";
import { Lease, leaseRecord, type LeaseName } from "./lease.ts";

interface ReleaseWatchOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly lease: LeaseName;
  readonly retryPeriodMs: number;
  /** The resourceVersion to watch from; undefined while none is known. */
  readonly since: () => string | undefined;
  /** Called for each event that says: nobody holds it. */
  readonly onRelease: () => void;
  readonly signal: AbortSignal;
}

const TIMEOUT_SECONDS = 300;
/** Bookmarks come every minute or so, renewals every two seconds. */
const IDLE_MS = 120_000;
const BACKOFF_CAP_MS = 60_000;

/** Watches until `signal` is aborted, through ends and errors. Never rejects. */
export async function watchForRelease(options: ReleaseWatchOptions): Promise<void> {
  const { clock, retryPeriodMs, since, signal } = options;
  for (let failures = 0; !signal.aborted;) {
    const resourceVersion = since();
    if (resourceVersion !== undefined) failures = (await watchOnce(options, resourceVersion)) ? 0 : failures + 1;
    await sleep(clock, backoffMs(clock, failures, { baseMs: retryPeriodMs, capMs: BACKOFF_CAP_MS }), signal);
  }
}

/** @returns whether the watch ended as watches do */
async function watchOnce(
  { api, lease: { namespace, name }, onRelease, signal }: ReleaseWatchOptions,
  resourceVersion: string,
): Promise<boolean> {
  const options = { namespace, fieldSelector: `metadata.name=${name}`, resourceVersion, signal };
  try {
    for await (const event of api.watch(Lease, { ...options, timeoutSeconds: TIMEOUT_SECONDS, idleMs: IDLE_MS })) {
      if (signal.aborted) break;
      // A deletion is no release: its event shows the holder, who leads on and makes the lease anew.
      if (event.type !== "bookmark" && leaseRecord(event.object).holder === "") onRelease();
    }
    return true;
  } catch {
    // Whatever it was, polling goes on and meets the same error where it is reported.
    return false;
  }
}
