/**
 * All objects of one resource, and their recent past.
 *
 * Promises: keys are listed in order; a list can be read as it was at any revision that is not compacted; changes are
 * announced in the turn that made them, in order of revision. The past is bounded by a count and by an age, so memory is.
 *
 *   keys     default/a        default/b        team/c
 *   versions [3, 9]           [4, ✝7]          [5]          ✝ = deleted
 *   changes  3 4 5 7 9        a watch from 5 replays 7 and 9; a list at 6 sees a@3, b@4, c@5
 */
import type { Clock } from "../../clock/clock.ts";
import type { ApiObject } from "../object.ts";
import { Change, StoredVersion, atRevision } from "./version.ts";

export interface HistoryLimits {
  /** Changes kept per resource. */
  readonly maxChanges: number;
  /** Older changes are dropped, as etcd is compacted. */
  readonly maxAgeMs: number;
}

interface ListPage {
  readonly items: readonly StoredVersion[];
  /** Matching objects after this page are counted only when nothing is filtered, as the real server does. */
  readonly remainingCount: number;
  /** Key of the first object of the next page. */
  readonly next: string | undefined;
}

interface ListQuery {
  /** Keys start with it: `team/` or the empty string. */
  readonly prefix: string;
  readonly from?: string | undefined;
  /** Absent = now. */
  readonly revision?: number | undefined;
  /** 0 = no limit. */
  readonly limit: number;
  readonly matches: (version: StoredVersion) => boolean;
}

interface Entry {
  readonly revision: number;
  /** Undefined marks a deletion. */
  readonly version: StoredVersion | undefined;
}

export class ResourceStore {
  readonly #clock: Clock;
  readonly #limits: HistoryLimits;
  readonly #nextRevision: () => number;
  /** Sorted. A deleted key stays until its deletion is compacted. */
  readonly #keys: string[] = [];
  /** Oldest first; never empty. */
  readonly #entries = new Map<string, Entry[]>();
  #changes: Change[] = [];
  /** Index of the oldest change kept; the array is cut now and then instead of shifted each time. */
  #first = 0;
  #compactedRevision = 0;
  readonly #listeners = new Set<(change: Change) => void>();

  constructor(clock: Clock, limits: HistoryLimits, nextRevision: () => number) {
    this.#clock = clock;
    this.#limits = limits;
    this.#nextRevision = nextRevision;
  }

  /** States before this revision cannot be read any more, and no watch can start before it. */
  get compactedRevision(): number {
    this.#dropOld();
    return this.#compactedRevision;
  }

  get(key: string): StoredVersion | undefined {
    return this.#entries.get(key)?.at(-1)?.version;
  }

  put(key: string, object: ApiObject): StoredVersion {
    const revision = this.#nextRevision();
    const version = new StoredVersion(key, revision, atRevision(object, revision));
    this.#record(key, revision, version);
    return version;
  }

  /** @returns the last state with the revision of the deletion, or undefined when there was nothing to delete. */
  delete(key: string): StoredVersion | undefined {
    if (this.get(key) === undefined) return undefined;
    return this.#record(key, this.#nextRevision(), undefined).departed;
  }

  list({ prefix, from, revision, limit, matches }: ListQuery): ListPage {
    const items: StoredVersion[] = [];
    let remainingCount = 0;
    let next: string | undefined;
    for (let i = this.#position(from ?? prefix); i < this.#keys.length; i++) {
      const key = this.#keys[i] ?? "";
      if (!key.startsWith(prefix)) break;
      const version = this.#at(key, revision);
      if (version === undefined || !matches(version)) continue;
      if (limit === 0 || items.length < limit) items.push(version);
      else {
        next ??= key;
        remainingCount++;
      }
    }
    return { items, remainingCount, next };
  }

  /** Changes after `revision`, oldest first. The caller has compared `revision` with {@link compactedRevision}. */
  changesSince(revision: number): readonly Change[] {
    let low = this.#first;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low);
  }

  /** `listener` hears each change in the turn that made it. @returns the way to stop. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Forgets everything before `revision`, as an etcd compaction does. */
  compact(revision: number): void {
    while (this.#first < this.#changes.length && (this.#changes[this.#first]?.revision ?? 0) <= revision)
      this.#dropFirst();
    this.#compactedRevision = Math.max(this.#compactedRevision, revision);
    this.#trim();
  }

  #record(key: string, revision: number, version: StoredVersion | undefined): Change {
    const before = this.get(key);
    const entries = this.#entries.get(key);
    if (entries === undefined) {
      this.#keys.splice(this.#position(key), 0, key);
      this.#entries.set(key, [{ revision, version }]);
    } else entries.push({ revision, version });
    const change = new Change({ revision, key, atMs: this.#clock.now(), before, after: version });
    this.#changes.push(change);
    this.#dropOld();
    for (const listener of this.#listeners) listener(change);
    return change;
  }

  #at(key: string, revision: number | undefined): StoredVersion | undefined {
    const entries = this.#entries.get(key);
    if (revision === undefined) return entries?.at(-1)?.version;
    return entries?.findLast((entry) => entry.revision <= revision)?.version;
  }

  /** Index of the first key that is not before `key`. */
  #position(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #dropOld(): void {
    const oldestMs = this.#clock.now() - this.#limits.maxAgeMs;
    while (this.#first < this.#changes.length) {
      const oldest = this.#changes[this.#first];
      if (oldest === undefined) break;
      if (this.#changes.length - this.#first <= this.#limits.maxChanges && oldest.atMs >= oldestMs) break;
      this.#dropFirst();
    }
    this.#trim();
  }

  #dropFirst(): void {
    const change = this.#changes[this.#first++];
    if (change === undefined) return;
    this.#compactedRevision = change.revision;
    const entries = this.#entries.get(change.key);
    if (entries === undefined) return;
    const superseded = entries.findIndex((entry) => entry.revision >= change.revision);
    if (superseded > 0) entries.splice(0, superseded);
    // A deletion that nothing came after: the key itself is forgotten.
    if (entries.length === 1 && entries[0]?.version === undefined && entries[0]?.revision === change.revision) {
      this.#entries.delete(change.key);
      this.#keys.splice(this.#position(change.key), 1);
    }
  }

  #trim(): void {
    if (this.#first < 1024 && this.#first < this.#changes.length) return;
    this.#changes = this.#changes.slice(this.#first);
    this.#first = 0;
  }
}
