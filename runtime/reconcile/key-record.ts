/**
 * What the host remembers about one key between its runs. Memory only: after a restart it is found out anew. Of most keys
 * there is nothing to remember.
 */
import type { SpanContext } from "@opentelemetry/api";
import type { Clock } from "../clock/clock.ts";
import { compareResourceVersions, type StoredObject } from "../kube/object.ts";
import type { Wake } from "../trace/wake.ts";
import { Blocked } from "./blocked.ts";
import { Rewrites } from "./rewrites.ts";
import type { Run } from "./run.ts";
import type { Woken } from "./wakes.ts";

const NONE: ReadonlySet<string> = new Set();

export class KeyRecord {
  /** What the last successful run handed on. */
  memo: unknown = undefined;
  readonly blocked: Blocked;
  /** Since when deletions have been wished for without a break; undefined when none are. */
  deletionsSinceMs: number | undefined;
  /**
   * The run whose deletions wait for their time: as good as a new one until something changes. One is there only where
   * `deletionsSinceMs` is.
   */
  waiting: Run | undefined;
  /** How often in a row the live cluster did not bear out a deletion that the cache asks for. */
  doubtCount = 0;
  /** How many objects that are not ours stand in the way. */
  conflictCount = 0;
  /** Those of them that the cache shows. */
  refused: readonly string[] = [];
  /** Hashes of the events that the last run told: the same ones are not told again. */
  events: ReadonlySet<string> = NONE;
  readonly rewrites = new Rewrites();
  /** Of the status that was sent last. */
  statusDigest: string | undefined;
  /** Of what the last run compared: what the API server has decided. */
  fulfilled: ReadonlySet<string> = NONE;
  /** How often something that was read has changed, and not by a write of ours: what is wanted may follow it. */
  readNewsCount = 0;
  /** Of the object that the memo is for. */
  sourceUid: string | undefined;
  /** The last run, for the link of one that nothing else woke. */
  previous: SpanContext | undefined;
  /** Of the source, as this key itself wrote it last. */
  #ownVersion: string | undefined;
  /** Of the source, as others made it last. */
  #sourceVersion: string | undefined;
  #began: Woken | undefined;

  constructor(clock: Clock) {
    this.blocked = new Blocked(clock);
  }

  /**
   * Why the key runs: the changes since its last run. Without any, its own retry or requeue; during a deletion's grace, the
   * change that began it.
   */
  woken(changed: Woken, otherwise: Wake["what"]): Woken {
    if (changed.wakes.some(({ what, cause }) => what === "read" && cause === undefined)) this.readNewsCount++;
    if (changed.count > 0) {
      this.#began = changed;
      this.waiting = undefined;
    } else if (this.deletionsSinceMs === undefined) this.#began = undefined;
    return this.#began ?? { wakes: [{ what: otherwise }], count: 1 };
  }

  /** A run begins. What was handed on for an object that has been replaced by another of its name is not for that one. */
  begins({ metadata: { uid, resourceVersion } }: StoredObject): void {
    if (this.sourceUid !== undefined && this.sourceUid !== uid) this.memo = undefined;
    this.sourceUid = uid;
    if (resourceVersion !== this.#ownVersion) this.#sourceVersion = resourceVersion;
  }

  /** The source was written in this version, by this key. Of several answers the newest counts. */
  wrote(version: string): void {
    const former = this.#ownVersion ?? version;
    this.#ownVersion = (compareResourceVersions(version, former) ?? 0) < 0 ? former : version;
  }

  /** Names what the run is given. What this key wrote itself makes no difference. */
  get inputs(): string {
    return `${this.#sourceVersion} ${this.readNewsCount}`;
  }

  /** After a run. @param isDelayed the key runs again without a change: it is then linked to this run, and to why it began. */
  settled(isDelayed: boolean): void {
    if (isDelayed) return;
    this.previous = undefined;
    this.#began = undefined;
  }

  /** Whether it is as a new one, so that it need not be kept. */
  get isBlank(): boolean {
    return (
      this.memo === undefined &&
      this.blocked.size === 0 &&
      this.deletionsSinceMs === undefined &&
      this.doubtCount === 0 &&
      this.conflictCount === 0 &&
      this.refused.length === 0 &&
      this.events.size === 0 &&
      this.rewrites.size === 0 &&
      this.statusDigest === undefined &&
      this.fulfilled.size === 0 &&
      this.previous === undefined
    );
  }
}
