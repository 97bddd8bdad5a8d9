/** What happened to one request so far, and so when its key runs again. */
import type { Clock } from "../clock/clock.ts";
import type { EvenkeelError } from "../kube/errors.ts";
import { retryAfterMs } from "../kube/retry-after.ts";
import type { Query } from "../kube/query.ts";
import { OwnWrites } from "./own-writes.ts";
import type { Refused, Write } from "./plan.ts";

/** A webhook can keep single objects from an answer. So many in a row, and it is the server that is unwell. */
const MAX_TROUBLES = 16;

export class Tally {
  readonly written: Write[] = [];
  readonly own = new OwnWrites();
  /** Creates whose name turned out to be taken. */
  readonly taken: Write[] = [];
  /** Wishes that objects are in the way of which a cache shows. */
  readonly refused: Refused[] = [];
  readonly dependsOn: Query[] = [];
  error: EvenkeelError | undefined;
  retry = false;
  #againInMs: number | undefined;
  #pauseMs: number | undefined;
  #troubleCount = 0;

  /** The first error stands for the request. */
  fail(error: EvenkeelError): void {
    this.error ??= error;
  }

  /** Run again no later than this. */
  again(ms: number | undefined): void {
    if (ms !== undefined) this.#againInMs = Math.min(this.#againInMs ?? ms, ms);
  }

  /** The server gave an answer that is about the object which it was asked about. */
  answered(): void {
    this.#troubleCount = 0;
  }

  /** It did not, or it asked for a pause: that says nothing about the object, and everything is tried again. */
  troubled(error: EvenkeelError, clock: Clock): void {
    this.fail(error);
    this.retry = true;
    this.#troubleCount++;
    const askedMs = retryAfterMs(error, clock);
    if (askedMs !== undefined) this.#pauseMs = Math.max(this.#pauseMs ?? 0, askedMs);
  }

  /** What is sent now meets the same trouble as what was sent before. One object alone that never gets an answer stops no other. */
  get isHopeless(): boolean {
    return this.#troubleCount >= MAX_TROUBLES;
  }

  /** A pause that the server asked for counts instead of everything else. */
  get nextTry(): { readonly isRetry: boolean; readonly againInMs: number | undefined } {
    return this.#pauseMs === undefined
      ? { isRetry: this.retry, againInMs: this.#againInMs }
      : { isRetry: false, againInMs: this.#pauseMs };
  }
}
