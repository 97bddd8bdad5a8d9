/** How long a Reflector waits after a failure: what the server asked for, or a growing delay that is different on each host. */
import { backoffMs, type Clock } from "../clock/clock.ts";
import { codeOf, type Code } from "../kube/errors.ts";
import { requestedDelayMs } from "../kube/retry-after.ts";

/** Source: client-go tools/cache/reflector.go (800 ms, ×2, up to 30 s, jitter 1, reset after 2 min). */
const BACKOFF = { baseMs: 800, capMs: 30_000 } as const;
const QUIET_MS = 120_000;

const CAPS_MS: ReadonlyMap<Code, number> = new Map([
  // The remedy is a file of ours, and each attempt, which is a handshake, looks at it.
  ["API_UNTRUSTED", 2_500],
  // Each attempt is a whole list, and what passes by itself passes within seconds.
  ["API_WENT_BACK", 300_000],
]);

/** Source: controller-runtime pkg/internal/source/kind.go asks every 10 s for a kind that is not served. */
const KIND_NOT_SERVED_MS = 10_000;

/** Failures that say nothing about the server but that it did not answer. */
const UNANSWERED: ReadonlySet<Code> = new Set<Code>(["API_UNREACHABLE", "API_UNTRUSTED", "API_TIMEOUT"]);

export class RetryDelay {
  readonly #clock: Clock;
  /**
   * Apart, because how long a server was away says nothing of how it is now. One that was restarted answers its first watch
   * with "expired", and the list that this asks for must not wait for half a minute more.
   */
  readonly #failureCounts = { unanswered: 0, answered: 0 };
  /** When the attempt after the last failure was due. */
  #retryMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The delay after this failure, in milliseconds. Each call counts as one more failure. */
  next(error: unknown): number {
    const nowMs = this.#clock.now();
    if (nowMs - this.#retryMs > QUIET_MS) this.reset();
    const delayMs = this.#delayAfter(error);
    this.#retryMs = nowMs + delayMs;
    return delayMs;
  }

  /** What was wrong is over: the next failure begins at the shortest delay. */
  reset(): void {
    this.#failureCounts.unanswered = 0;
    this.#failureCounts.answered = 0;
  }

  #delayAfter(error: unknown): number {
    const askedMs = requestedDelayMs(error, this.#clock);
    if (askedMs !== undefined) return askedMs;
    const code = codeOf(error);
    if (code === "KIND_NOT_SERVED") return KIND_NOT_SERVED_MS * (1 + this.#clock.random() / 5);
    const capMs = CAPS_MS.get(code) ?? BACKOFF.capMs;
    const count = this.#failureCounts[UNANSWERED.has(code) ? "unanswered" : "answered"]++;
    return backoffMs(this.#clock, count, { ...BACKOFF, capMs });
  }
}
