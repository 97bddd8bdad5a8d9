/**
 * LeaderElector: at most one replica acts at a time, by a Lease. It promises
 *
 * - At no moment do two electors answer isLeader() with true, as long as their monotonic clocks do not differ in rate by
 *   more than leaseDuration / renewDeadline and nobody edits or deletes the Lease by hand.
 * - isLeader() is computed from the clocks when it is asked: it needs no timer, so it is right after any stall.
 * - One term: an elector that has lost or released the lease never campaigns again. The process is expected to exit.
 *
 *     idle → campaigning → leading → lost
 *       any of them ─────────────→ released
 *
 * Not promised: fencing. A write that was sent while we led may be carried out after we no longer do; what protects the
 * object then are the preconditions of that write.
 */
import { backoffMs, sleep, type Clock } from "../clock/clock.ts";
import type { Api } from "../kube/api.ts";
import { Deadline } from "../kube/deadline.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { elapsedMs, type Instant } from "./instant.ts";
import type { LeaseName } from "./lease.ts";
import { LeaseLock, type Attempt } from "./lease-lock.ts";
import { watchForRelease } from "./release-watch.ts";
import { JITTER, TIMING } from "./timing.ts";

/** Called in the middle of the elector's own work: must be quick and must not throw. */
interface LeaderElectorObserver {
  /** For the gauge `leader_election_master_status`. */
  leading?(isLeading: boolean): void;
  /** An attempt to acquire or to renew came to nothing: no answer, or a refusal. It is made again. */
  attemptFailed?(error: unknown): void;
}

export interface LeaderElectorOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly lease: LeaseName;
  /** For people, who can tell replicas apart only if each has its own. Two of one identity do not lead both. */
  readonly identity: string;
  /** Called, in a turn of its own, with each holder that was not the one before: also with ourselves. */
  readonly onNewLeader?: ((identity: string) => void) | undefined;
  readonly observer?: LeaderElectorObserver | undefined;
}

/** Beyond leaseDuration, before a check complains. Source: kube-controller-manager's healthz adaptor. */
const TOLERANCE_MS = 20_000;

export class LeaderElector {
  readonly #clock: Clock;
  readonly #api: Api;
  readonly #name: LeaseName;
  readonly #what: string;
  readonly #identity: string;
  readonly #lock: LeaseLock;
  readonly #onNewLeader: ((identity: string) => void) | undefined;
  readonly #observer: LeaderElectorObserver | undefined;

  #state: "idle" | "campaigning" | "leading" | "lost" | "released" = "idle";
  /** When the last renewal that succeeded was sent. */
  #renewedAt: Instant | undefined;
  /** When the last attempt that was answered ended, or the first began. */
  #answeredMs = 0;
  /** Of the last attempt; undefined when that was answered. */
  #failure: unknown;
  #reportedHolder: string | undefined;
  /** Ends the pause between two attempts of a candidate. */
  #pause = new AbortController();
  /** Aborts whatever is under way for the sake of acquiring or renewing. */
  readonly #end = new AbortController();
  readonly #leading = new AbortController();
  #release: Promise<void> | undefined;

  /** @throws EvenkeelError BUG when identity is empty */
  constructor({ api, clock, lease, identity, onNewLeader, observer }: LeaderElectorOptions) {
    if (identity === "") throw new EvenkeelError("BUG", "leader election: the identity must not be empty");
    this.#clock = clock;
    this.#api = api;
    this.#name = lease;
    this.#what = `lease ${lease.namespace}/${lease.name}`;
    this.#identity = identity;
    this.#onNewLeader = onNewLeader;
    this.#observer = observer;
    const { leaseDurationMs, requestMs } = TIMING;
    this.#lock = new LeaseLock({ api, clock, lease, identity, leaseDurationMs, requestMs });
  }

  /** Aborts, with an EvenkeelError LEASE_LOST, when leadership ends: lost or released. Not aborted before it began. */
  get leading(): AbortSignal {
    return this.#leading.signal;
  }

  /** Who holds the lease as far as seen: undefined before the first reading, `` when nobody does. For people only. */
  get holder(): string | undefined {
    return this.#lock.holder;
  }

  /**
   * Whether this process may write now. To be asked immediately before every write.
   * While only the wall clock says that the deadline has passed (a suspension, or it was set), the answer is false until the
   * next renewal has proved that nobody else took the lease; by the monotonic clock it is final.
   */
  isLeader(): boolean {
    return (
      this.#state === "leading" &&
      this.#renewedAt !== undefined &&
      elapsedMs(this.#clock, this.#renewedAt) < TIMING.renewDeadlineMs
    );
  }

  /**
   * Resolves when this process leads. Failures are not reported here: it tries until it leads or is stopped.
   * @throws the reason of `signal` when that is aborted; call `release` all the same, an attempt may have arrived
   * @throws EvenkeelError LEASE_LOST when released meanwhile; BUG when called twice
   */
  async acquire(signal: AbortSignal): Promise<void> {
    if (this.#state !== "idle") throw new EvenkeelError("BUG", `${this.#what}: an elector campaigns once`);
    this.#state = "campaigning";
    this.#answeredMs = this.#clock.now();
    const stop = (): void => this.#stop(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const watch = new AbortController();
    try {
      await this.#campaign(watch.signal);
    } finally {
      watch.abort();
      signal.removeEventListener("abort", stop);
    }
  }

  /**
   * Gives the lease up, if it is ours, so that a successor need not wait for its expiry. To be called when the last write has
   * been answered. Retried for renewDeadline; after that the lease runs out by itself. Idempotent.
   * @throws EvenkeelError API_… when the lease could not be given up
   */
  release(): Promise<void> {
    this.#release ??= this.#giveUp();
    return this.#release;
  }

  /** For liveness: an error when this process led, has not released, and should have been dead for a while. */
  check(): EvenkeelError | undefined {
    if (this.#renewedAt === undefined || this.#state === "released") return undefined;
    const sinceMs = this.#clock.now() - this.#renewedAt.monotonicMs;
    if (sinceMs <= TIMING.leaseDurationMs + TOLERANCE_MS) return undefined;
    return this.#lost(`last renewed ${Math.round(sinceMs / 1000)} s ago, and this process still runs`);
  }

  /** For readiness: an error when this process stands by and has not been able to look for a while. No restart would help. */
  checkStandby(): EvenkeelError | undefined {
    if (this.#state !== "campaigning" || this.#end.signal.aborted) return undefined;
    const sinceMs = this.#clock.now() - this.#answeredMs;
    const failure = this.#failure;
    // Without a failure this process has only been stopped for so long, and looks in a moment.
    if (sinceMs <= TIMING.leaseDurationMs + TOLERANCE_MS || !(failure instanceof EvenkeelError)) return undefined;
    const what = `${this.#what}: not acquired or seen held for ${Math.round(sinceMs / 1000)} s: ${failure.what}`;
    return new EvenkeelError(failure.code, what);
  }

  async #campaign(signal: AbortSignal): Promise<void> {
    for (let isWatching = false; ;) {
      this.#pause = new AbortController();
      const attempt = await this.#attempt(this.#end.signal);
      // Looked at before the answer is: they may have come in the same moment.
      this.#end.signal.throwIfAborted();
      if (attempt?.type === "held") {
        this.#lead(attempt.sentAt);
        return;
      }
      // From the first reading on: it says from which version to watch.
      if (!isWatching && this.#lock.resourceVersion !== undefined) {
        isWatching = true;
        this.#watchForRelease(signal);
      }
      const restMs = TIMING.retryPeriodMs * (1 + JITTER * this.#clock.random());
      await sleep(this.#clock, restMs, this.#pause.signal);
    }
  }

  /** Polling alone would find a lease that was given up only after 2 to 4.4 s. */
  #watchForRelease(signal: AbortSignal): void {
    void watchForRelease({
      api: this.#api,
      clock: this.#clock,
      lease: this.#name,
      retryPeriodMs: TIMING.retryPeriodMs,
      since: () => this.#lock.resourceVersion,
      onRelease: () => this.#pause.abort(),
      signal,
    });
  }

  #lead(sentAt: Instant): void {
    this.#state = "leading";
    this.#renewedAt = sentAt;
    this.#observer?.leading?.(true);
    void this.#keepRenewing(sentAt);
  }

  async #keepRenewing(acquiredAt: Instant): Promise<void> {
    let renewedMs = acquiredAt.monotonicMs;
    let triedMs = renewedMs;
    const leftMs = (): number => renewedMs + TIMING.renewDeadlineMs - this.#clock.now();
    const isOver = (): boolean => leftMs() < 1; // What is left of the last millisecond is rounding, not time for an attempt.
    while (this.#state === "leading") {
      const restMs = triedMs + TIMING.retryPeriodMs - this.#clock.now();
      await sleep(this.#clock, Math.min(restMs, leftMs()), this.#end.signal);
      triedMs = this.#clock.now();
      const attempt = isOver() ? undefined : await this.#attemptWithin(leftMs());
      if (this.#end.signal.aborted) return;
      // Looked at before the answer is: one that comes after the deadline must not make us leader again.
      if (isOver()) this.#lose(`not renewed for ${TIMING.renewDeadlineMs / 1000} s`, this.#failure);
      else if (attempt?.type === "notOurs") this.#lose(this.#heldBy());
      else if (attempt?.type === "endOfTerm") this.#lose("another holder is preferred");
      else if (attempt?.type === "held") {
        this.#renewedAt = attempt.sentAt;
        renewedMs = attempt.sentAt.monotonicMs;
      }
    }
  }

  async #attemptWithin(budgetMs: number): Promise<Attempt | undefined> {
    const deadline = new Deadline(this.#clock, this.#what, budgetMs, this.#end.signal);
    try {
      return await this.#attempt(deadline.signal);
    } finally {
      deadline.clear();
    }
  }

  /** One attempt, until `signal` ends it. Undefined when it failed: then it is made again. */
  async #attempt(signal: AbortSignal): Promise<Attempt | undefined> {
    try {
      const attempt = await this.#lock.tryAcquireOrRenew(this.#state === "leading", signal);
      this.#answeredMs = this.#clock.now();
      this.#failure = undefined;
      return attempt;
    } catch (error) {
      this.#failure = error;
      if (!this.#end.signal.aborted) this.#observer?.attemptFailed?.(error);
      return undefined;
    } finally {
      this.#reportHolder();
    }
  }

  #reportHolder(): void {
    const { holder } = this;
    if (holder === undefined || holder === "" || holder === this.#reportedHolder) return;
    this.#reportedHolder = holder;
    if (this.#onNewLeader !== undefined) this.#clock.after(0, () => this.#onNewLeader?.(holder));
  }

  #heldBy(): string {
    if (this.holder === "") return "somebody has emptied it";
    if (this.holder !== this.#identity) return `held by "${this.holder}", which leads now`;
    return "held by another process of the same name: give each replica an --identity of its own";
  }

  #lose(why: string, cause?: unknown): void {
    this.#state = "lost";
    this.#stop(this.#lost(why, cause));
  }

  /** Nothing more is sent from here on, but for the release. */
  #stop(reason: unknown): void {
    const hasLed = this.#renewedAt !== undefined;
    this.#end.abort(reason);
    this.#pause.abort();
    if (!hasLed || this.#leading.signal.aborted) return;
    this.#observer?.leading?.(false);
    this.#leading.abort(reason);
  }

  async #giveUp(): Promise<void> {
    const hasCampaigned = this.#state !== "idle";
    this.#state = "released";
    this.#stop(this.#lost("released"));
    if (!hasCampaigned) return;
    const dueMs = this.#clock.now() + TIMING.renewDeadlineMs;
    for (let attempt = 0; ; attempt++) {
      const error = await this.#tryRelease();
      if (error === undefined) return;
      const restMs = backoffMs(this.#clock, attempt, { baseMs: 20, capMs: TIMING.retryPeriodMs });
      const isRetryable = error instanceof EvenkeelError && error.meaning.isRetryable;
      if (!isRetryable || this.#clock.now() + restMs >= dueMs) throw error;
      await sleep(this.#clock, restMs);
    }
  }

  /** A conflict is likely once: the renewal that we gave up a moment ago may arrive in between. */
  async #tryRelease(): Promise<unknown> {
    try {
      await this.#lock.release();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #lost(why: string, cause?: unknown): EvenkeelError {
    const last = cause instanceof Error ? `; last attempt: ${cause.message}` : "";
    return new EvenkeelError("LEASE_LOST", `${this.#what}: ${why} (we are "${this.#identity}")${last}`, { cause });
  }
}
