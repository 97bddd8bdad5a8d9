/**
 * One Lease as one process sees and writes it: optimistic locking, never a remote timestamp. When to try is not decided here.
 *
 * Every write carries the resourceVersion of what was read, so a request that was given up and arrives later can only fail
 * or do what was meant when it was sent.
 *
 * Ours is a record that this process wrote, not one that has its name: another may have been given the same.
 */
import { randomUUID } from "node:crypto";
import type { Clock } from "../clock/clock.ts";
import type { Api, CallOptions, WriteResult } from "../kube/api.ts";
import { Deadline, untilAborted } from "../kube/deadline.ts";
import { codeOf } from "../kube/errors.ts";
import type { StoredObject } from "../kube/object.ts";
import { instant, type Instant } from "./instant.ts";
import {
  createdLease,
  isSameRecord,
  Lease,
  leaseRecord,
  releasedLease,
  renewedLease,
  takenOverLease,
  type Claim,
  type LeaseName,
  type LeaseRecord,
} from "./lease.ts";

/** What came of an attempt. A request that failed throws instead. */
export type Attempt =
  /** Ours from `sentAt` on: the moment before the write was sent, which is not later than others can have seen it. */
  | { readonly type: "held"; readonly sentAt: Instant }
  /** Somebody else's, or, for a leader, no longer ours. */
  | { readonly type: "notOurs" }
  /** Ours, but coordinated leader election wants another holder. */
  | { readonly type: "endOfTerm" };

interface LeaseLockOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly lease: LeaseName;
  readonly identity: string;
  readonly leaseDurationMs: number;
  /**
   * For the answer to each request. An attempt may be three and more: within one bound for all of them, a write after
   * slow answers would be carried out again and again without being heard of.
   */
  readonly requestMs: number;
}

/** How often a conflict is answered by reading again within one attempt. */
const ROUNDS = 3;

/** Far more than are sent between two answers by a leader; a candidate that forgets one waits until it has expired. */
const MAX_UNANSWERED = 64;

export class LeaseLock {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #lease: LeaseName;
  readonly #identity: string;
  readonly #leaseDurationMs: number;
  readonly #requestMs: number;
  /** Of this process alone. Times are not: two that a release wakes write within the same millisecond. */
  readonly #mark = randomUUID();

  /** The last record read or written. */
  #record: LeaseRecord | undefined;
  /** When, by our own monotonic clock, the record was first seen as it is now. */
  #changedMs = 0;
  /** The renewTimes that the record may have by our hand: of the last write that was answered, and of all after it. */
  #written: readonly string[] = [];
  /** The object as the server has it; undefined while a write is under way and after one whose outcome is unknown. */
  #current: StoredObject | undefined;

  constructor({ api, clock, lease, identity, leaseDurationMs, requestMs }: LeaseLockOptions) {
    this.#api = api;
    this.#clock = clock;
    this.#lease = lease;
    this.#identity = identity;
    this.#leaseDurationMs = leaseDurationMs;
    this.#requestMs = requestMs;
  }

  /** Who holds the lease as far as seen; undefined before the first reading, `` when nobody does. */
  get holder(): string | undefined {
    return this.#record?.holder;
  }

  get resourceVersion(): string | undefined {
    return this.#current?.metadata.resourceVersion;
  }

  /**
   * Takes the lease if it may be taken, renews it if it is ours.
   * A leader that finds anybody else in the record, or nobody, does not take it back: in between others may have led.
   * @param signal ends the attempt; nothing is changed here after that
   * Source: client-go tools/leaderelection (tryAcquireOrRenew), whose steps these are.
   */
  async tryAcquireOrRenew(isLeading: boolean, signal: AbortSignal): Promise<Attempt> {
    // 1. A leader renews what it wrote last, by a single PUT.
    if (isLeading) {
      const renewed = await this.#renewAsKnown(signal);
      if (renewed !== undefined) return renewed;
    }
    for (let round = 1; ; round++) {
      try {
        // 2. Read the record.
        const current = await this.#read(signal);
        // 3. Whose is it? Where it was deleted, still the last holder's: that one leads on until it finds out.
        const refused = this.#refusal(isLeading);
        if (refused !== undefined) return refused;
        // 4. Write it, unless it has changed since; or make it.
        return current === undefined ? await this.#create(signal) : await this.#claim(current, signal);
      } catch (error) {
        if (!isConflict(error) || round === ROUNDS) throw error;
      }
    }
  }

  /** Empties the record if, and only if, the record just read is ours. @throws EvenkeelError API_CONFLICT: to be tried again */
  async release(): Promise<void> {
    const current = await this.#read(undefined);
    if (current === undefined || !this.#isOurs) return;
    const lease = releasedLease(current, this.#clock.wall());
    await this.#write(lease, (options) => this.#api.update(Lease, lease, options), undefined);
  }

  async #renewAsKnown(signal: AbortSignal): Promise<Attempt | undefined> {
    const current = this.#current;
    if (current === undefined || this.#refusal(true) !== undefined) return undefined;
    try {
      return await this.#claim(current, signal);
    } catch {
      return undefined;
    }
  }

  #refusal(isLeading: boolean): Attempt | undefined {
    if (this.#record === undefined) return undefined;
    const { preferredHolder } = this.#record;
    if (!this.#isOurs) return isLeading || this.#isHeld(this.#record) ? { type: "notOurs" } : undefined;
    return preferredHolder === "" || preferredHolder === this.#identity ? undefined : { type: "endOfTerm" };
  }

  get #isOurs(): boolean {
    if (this.#record === undefined) return false;
    const { holder, mark, renewTime } = this.#record;
    // Where somebody took the mark off, the time has to do; it has to fit in any case: others leave our mark in place.
    const isMarked = mark === this.#mark || mark === "";
    return holder === this.#identity && isMarked && this.#written.includes(renewTime);
  }

  /**
   * By our monotonic clock only: after a suspension, or when the time is set, we wait too long rather than too short.
   * A record that does not say how long it holds is trusted as long as one of ours.
   */
  #isHeld({ holder, durationMs }: LeaseRecord): boolean {
    const sinceMs = this.#clock.now() - this.#changedMs;
    return holder !== "" && sinceMs < (durationMs > 0 ? durationMs : this.#leaseDurationMs);
  }

  async #read(signal: AbortSignal | undefined): Promise<StoredObject | undefined> {
    try {
      const object = await this.#ask((options) => this.#api.get(Lease, this.#lease, options), signal);
      this.#observe(leaseRecord(object), object);
      return object;
    } catch (error) {
      if (codeOf(error) === "API_NOT_FOUND") return undefined;
      throw error;
    }
  }

  #create(signal: AbortSignal): Promise<Attempt> {
    const lease = createdLease(this.#lease, this.#ourClaim());
    return this.#write(lease, (options) => this.#api.create(Lease, lease, options), signal);
  }

  #claim(current: StoredObject, signal: AbortSignal): Promise<Attempt> {
    const lease = (this.#isOurs ? renewedLease : takenOverLease)(current, this.#ourClaim());
    return this.#write(lease, (options) => this.#api.update(Lease, lease, options), signal);
  }

  async #write(
    lease: Lease,
    send: (options: CallOptions) => Promise<WriteResult>,
    signal: AbortSignal | undefined,
  ): Promise<Attempt> {
    this.#current = undefined;
    this.#written = [...this.#written, leaseRecord(lease).renewTime].slice(-MAX_UNANSWERED);
    const sentAt = instant(this.#clock);
    const { object } = await this.#ask(send, signal);
    const record = leaseRecord(object ?? lease);
    this.#written = [record.renewTime];
    this.#observe(record, object);
    return { type: "held", sentAt };
  }

  #observe(record: LeaseRecord, object: StoredObject | undefined): void {
    if (this.#record === undefined || !isSameRecord(this.#record, record)) this.#changedMs = this.#clock.now();
    this.#record = record;
    this.#current = object;
  }

  #ourClaim(): Claim {
    const nowMs = this.#clock.wall();
    return { holder: this.#identity, mark: this.#mark, durationMs: this.#leaseDurationMs, nowMs };
  }

  /** One request. Once `caller` is aborted nothing is sent, and no answer waited for, whatever the Api makes of it. */
  async #ask<T>(send: (options: CallOptions) => Promise<T>, caller: AbortSignal | undefined): Promise<T> {
    caller?.throwIfAborted();
    const { namespace, name } = this.#lease;
    const deadline = new Deadline(this.#clock, `lease ${namespace}/${name}`, this.#requestMs, caller);
    try {
      return await untilAborted(send({ lane: "lease", signal: deadline.signal }), deadline.signal);
    } finally {
      deadline.clear();
    }
  }
}

function isConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code === "API_CONFLICT" || code === "API_ALREADY_EXISTS";
}
