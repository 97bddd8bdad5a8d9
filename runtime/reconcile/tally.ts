/** What happened to one request so far, and so when its key runs again. */
import type { EvenkeelError } from "../kube/errors.ts";
import type { Query } from "../kube/query.ts";
import { OwnWrites } from "./own-writes.ts";
import type { Write } from "./plan.ts";

export class Tally {
  readonly written: Write[] = [];
  readonly own = new OwnWrites();
  /** Creates whose name turned out to be taken. */
  readonly taken: Write[] = [];
  readonly denied: { readonly write: Write; readonly error: EvenkeelError }[] = [];
  /** Objects in the way that a cache shows. */
  readonly refused: string[] = [];
  readonly dependsOn: Query[] = [];
  error: EvenkeelError | undefined;
  retry = false;
  #againInMs: number | undefined;
  #pauseMs: number | undefined;

  /** The first error stands for the request. */
  fail(error: EvenkeelError): void {
    this.error ??= error;
  }

  /** Run again no later than this. */
  again(ms: number | undefined): void {
    if (ms !== undefined) this.#againInMs = Math.min(this.#againInMs ?? ms, ms);
  }

  /** The server asked for a pause. */
  pause(ms: number): void {
    this.#pauseMs = Math.max(this.#pauseMs ?? 0, ms);
  }

  /** A pause that the server asked for counts instead of everything else. */
  get nextTry(): { readonly isRetry: boolean; readonly againInMs: number | undefined } {
    return this.#pauseMs === undefined
      ? { isRetry: this.retry, againInMs: this.#againInMs }
      : { isRetry: false, againInMs: this.#pauseMs };
  }
}
