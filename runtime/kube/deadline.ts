/**
 * How long one exchange may take: ends it when its time is up, or when the caller does. On the path of every write, where
 * a timer, an AbortController and two listeners of its own would cost a tenth of all that a write costs.
 */
import type { Clock, Timer } from "../clock/clock.ts";
import { FleetingMap } from "../collections/fleeting-map.ts";
import { EvenkeelError } from "./errors.ts";
import type { Ending } from "./transport.ts";

/**
 * Aborts once, with the reason to throw: API_TIMEOUT, or the caller's own reason.
 * `clear` it when the exchange is over.
 */
export class Deadline implements Ending {
  readonly startedMs: number;
  readonly #what: string;
  readonly #group: Group;
  #ended: { readonly reason: unknown } | undefined;
  #listeners: readonly (() => void)[] = NOBODY;
  #controller: AbortController | undefined;

  /** @param what the call, for the message: `get v1/ConfigMap team-a/settings` */
  constructor(
    clock: Clock,
    what: string,
    dueMs: number,
    caller: AbortSignal | undefined,
    group = new Group(clock, dueMs, caller),
  ) {
    this.startedMs = clock.now();
    this.#what = what;
    this.#group = group;
    if (caller?.aborted) this.expire(caller.reason);
    else group.add(this);
  }

  /** Made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason);
    }
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#ended !== undefined;
  }

  get reason(): unknown {
    return this.#ended?.reason;
  }

  addEventListener(_: "abort", listener: () => void): void {
    this.#listeners = [...this.#listeners, listener];
  }

  removeEventListener(_: "abort", listener: () => void): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  /** Ends the exchange now. Only the first reason counts. */
  expire(reason: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = { reason };
    this.#controller?.abort(reason);
    for (const listener of this.#listeners) listener();
  }

  /** Its time is up. */
  timeOut(): void {
    const dueMs = Math.round(this.#group.dueMs);
    this.expire(new EvenkeelError("API_TIMEOUT", `${this.#what}: no complete answer within ${dueMs} ms`));
  }

  /** What to throw for `error`: once aborted, the reason of that, whatever the transport made of it. */
  reasonFor(error: unknown): unknown {
    return this.#ended === undefined ? error : this.#ended.reason;
  }

  clear(): void {
    this.#group.remove(this);
  }
}

const NOBODY: readonly (() => void)[] = [];

/** Makes Deadlines that share their timer and their listener on the caller's signal, where they have both in common. */
export class Deadlines {
  readonly #clock: Clock;
  #groups: readonly Group[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(what: string, dueMs: number, caller: AbortSignal | undefined): Deadline {
    return new Deadline(this.#clock, what, dueMs, caller, this.#groupOf(dueMs, caller));
  }

  #groupOf(dueMs: number, caller: AbortSignal | undefined): Group {
    const existing = this.#groups.find((group) => group.dueMs === dueMs && group.caller === caller);
    if (existing !== undefined) return existing;
    const group = new Group(this.#clock, dueMs, caller);
    this.#groups = [...this.#groups.filter(({ isEmpty }) => !isEmpty), group];
    return group;
  }
}

/**
 * Deadlines of the same length under the same caller. One timer, set for the first to fall due, and one listener; neither
 * is there while no exchange is under way.
 */
class Group {
  readonly dueMs: number;
  readonly caller: AbortSignal | undefined;
  readonly #clock: Clock;
  /** In the order in which they began, which is that in which they fall due. */
  readonly #members = new FleetingMap<Deadline, true>();
  #timer: Timer | undefined;

  constructor(clock: Clock, dueMs: number, caller: AbortSignal | undefined) {
    this.#clock = clock;
    this.dueMs = dueMs;
    this.caller = caller;
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  add(deadline: Deadline): void {
    if (this.isEmpty) {
      this.#timer = this.#clock.after(this.dueMs, this.#check);
      this.caller?.addEventListener("abort", this.#follow, { once: true });
    }
    this.#members.set(deadline, true);
  }

  remove(deadline: Deadline): void {
    if (!this.#members.delete(deadline) || !this.isEmpty) return;
    this.#timer?.cancel();
    this.caller?.removeEventListener("abort", this.#follow);
  }

  /** The exchange that the timer was set for may be over: then it is set anew, for the first to fall due of those that are left. */
  readonly #check = (): void => {
    const nowMs = this.#clock.now();
    const due: Deadline[] = [];
    for (const deadline of this.#members.keys()) {
      const leftMs = deadline.startedMs + this.dueMs - nowMs;
      // Less than a millisecond is rounding, and a timer for it might not move the clock at all.
      if (leftMs >= 1) {
        this.#timer = this.#clock.after(leftMs, this.#check);
        break;
      }
      due.push(deadline);
    }
    for (const deadline of due) this.remove(deadline);
    for (const deadline of due) deadline.timeOut();
  };

  readonly #follow = (): void => {
    const all = [...this.#members.keys()];
    for (const deadline of all) this.remove(deadline);
    for (const deadline of all) deadline.expire(this.caller?.reason);
  };
}

/** `promise`, or the signal's reason if that comes first: for work that is shared and goes on without this caller. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) {
    // Nobody will look at its outcome here; a failure must not count as unhandled.
    promise.catch(() => undefined);
    throw signal.reason;
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
