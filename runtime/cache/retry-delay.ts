/** How long a Reflector waits after a failure: what the server asked for, or a growing delay that is different on each host. */
import { backoffMs, type Clock } from "../clock/clock.ts";
import { codeOf, EvenkeelError, type Code } from "../kube/errors.ts";

/** Source: client-go tools/cache/reflector.go (800 ms, ×2, up to 30 s, jitter 1, reset after 2 min). */
const BACKOFF = { baseMs: 800, capMs: 30_000 } as const;
const QUIET_MS = 120_000;

/** For a server that is not trusted: the remedy is a file of ours, and each attempt, which is a handshake, looks at it. */
const UNTRUSTED_CAP_MS = 2_500;

/** Source: controller-runtime pkg/internal/source/kind.go asks every 10 s for a kind that is not served. */
const KIND_NOT_SERVED_MS = 10_000;

/** A server may ask for patience, but a mistaken proxy must not silence an informer for a day. */
const MAX_RETRY_AFTER_MS = 300_000;

/** Never earlier than asked, and spread so that the hosts that were refused together do not come back together. */
const RETRY_AFTER_JITTER = 0.2;

/** Failures that say nothing about the server but that it did not answer. */
const UNANSWERED: ReadonlySet<Code> = new Set<Code>(["API_UNREACHABLE", "API_UNTRUSTED", "API_TIMEOUT"]);

export class RetryDelay {
  readonly #clock: Clock;
  /**
   * Apart, because how long a server was away says nothing of how it is now. One that was restarted answers its first watch
   * with "expired", and the list that this asks for must not wait for half a minute more.
   */
  readonly #failureCounts = { unanswered: 0, answered: 0 };
  #lastFailureMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The delay after this failure, in milliseconds. Each call counts as one more failure. */
  next(error: unknown): number {
    const nowMs = this.#clock.now();
    if (nowMs - this.#lastFailureMs > QUIET_MS) this.reset();
    this.#lastFailureMs = nowMs;
    const askedMs = askedFor(error);
    if (askedMs > 0) return askedMs * (1 + RETRY_AFTER_JITTER * this.#clock.random());
    const code = codeOf(error);
    const capMs = code === "API_UNTRUSTED" ? UNTRUSTED_CAP_MS : BACKOFF.capMs;
    const count = this.#failureCounts[UNANSWERED.has(code) ? "unanswered" : "answered"]++;
    return backoffMs(this.#clock, count, { ...BACKOFF, capMs });
  }

  /** What was wrong is over: the next failure begins at the shortest delay. */
  reset(): void {
    this.#failureCounts.unanswered = 0;
    this.#failureCounts.answered = 0;
  }
}

function askedFor(error: unknown): number {
  if (!(error instanceof EvenkeelError)) return 0;
  if (error.code === "KIND_NOT_SERVED") return KIND_NOT_SERVED_MS;
  return Math.min(error.status?.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
}
