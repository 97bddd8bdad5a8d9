/** What happened to one request so far, and so when its key runs again. */
import type { Clock } from "../clock/clock.ts";
import type { EvenkeelError } from "../kube/errors.ts";
import { requestedDelayMs } from "../kube/retry-after.ts";
import type { Query } from "../kube/query.ts";
import { OwnWrites } from "./own-writes.ts";
import type { Refused, Write } from "./plan.ts";

/** A webhook can keep single objects from an answer. So many in a row, and it is the server that is unwell. */
const MAX_SERVER_FAILURES = 16;

/** What came of a request. */
export interface Settled {
  readonly result: "success" | "requeue" | "error" | "terminal" | "gone";
  readonly error?: EvenkeelError | undefined;
  /** Back off as after a failure. */
  readonly isRetry: boolean;
  /** Run again no later than this. */
  readonly requeueAfterMs?: number | undefined;
  /** But no sooner than this, unless something changes: the server asked for it. */
  readonly pauseMs?: number | undefined;
  /** The writes that succeeded. */
  readonly written: readonly Write[];
  readonly own: OwnWrites | undefined;
}

export class Tally {
  readonly written: Write[] = [];
  readonly own = new OwnWrites();
  /** Creates whose name turned out to be taken. */
  readonly taken: Write[] = [];
  /** Wished children, deletions or releases that the cache shows are blocked by an object that is not ours. */
  readonly refused: Refused[] = [];
  /** Deletions of children that are wanted no more, and stay until one of those that are wanted is there. */
  readonly kept: Write[] = [];
  /** Comparisons of this plan that the API server has decided, before or now. */
  readonly fulfilled: string[] = [];
  readonly dependsOn: Query[] = [];
  error: EvenkeelError | undefined;
  retry = false;
  #requeueAfterMs: number | undefined;
  #pauseMs: number | undefined;
  #serverFailureCount = 0;

  /** The first error stands for the request. */
  fail(error: EvenkeelError): void {
    this.error ??= error;
  }

  /** Run again no later than this. */
  again(ms: number | undefined): void {
    if (ms !== undefined) this.#requeueAfterMs = Math.min(this.#requeueAfterMs ?? ms, ms);
  }

  /** Whether a create has changed what is known of its name: it is there now, or it is taken. */
  get hasFilledName(): boolean {
    return this.taken.length > 0 || this.written.some(({ verb }) => verb === "create");
  }

  /** The server gave an answer that is about the object which it was asked about. */
  answered(): void {
    this.#serverFailureCount = 0;
  }

  /** It did not, or it asked for a pause: that says nothing about the object, and everything is tried again. */
  serverFailed(error: EvenkeelError, clock: Clock): void {
    this.fail(error);
    this.retry = true;
    this.#serverFailureCount++;
    const askedMs = requestedDelayMs(error, clock);
    if (askedMs !== undefined) this.#pauseMs = Math.max(this.#pauseMs ?? 0, askedMs);
  }

  /** What is sent now meets the same trouble as what was sent before. One object alone that never gets an answer stops no other. */
  get isServerUnwell(): boolean {
    return this.#serverFailureCount >= MAX_SERVER_FAILURES;
  }

  get nextTry(): Pick<Settled, "isRetry" | "requeueAfterMs" | "pauseMs"> {
    return { isRetry: this.retry, requeueAfterMs: this.#requeueAfterMs, pauseMs: this.#pauseMs };
  }
}
