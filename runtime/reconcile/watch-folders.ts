/**
 * Tells when something in a few folders may have changed. The file system's events make it quick, a poll makes it sure:
 * events get lost (network file systems, watch limits, a folder that was deleted and made again), so whoever looks must
 * find out by the contents what changed, if anything did.
 */
import { watch as watchFolder, type FSWatcher } from "node:fs";
import type { Clock, Timer } from "../clock/clock.ts";

export interface Watch {
  /** Idempotent. `look` is not called again. */
  close(): void;
}

/** An editor that saves writes, renames and touches within a few milliseconds: one look is enough for all of it. */
const QUIET_MS = 100;
/** A folder that never falls quiet is looked at all the same. */
const PATIENCE_MS = 1000;
const POLL_MS = 5000;

/**
 * Calls `look` after changes in `folders()` (not below them), and every 5 s. One look at a time; after each change at
 * least one look begins. `folders` is asked again before every look, and may name folders that do not exist.
 * @param look must not reject.
 */
export function watchFolders(options: {
  readonly folders: () => readonly string[];
  readonly clock: Clock;
  readonly look: () => Promise<void>;
}): Watch {
  return new FolderWatcher(options);
}

class FolderWatcher implements Watch {
  readonly #folders: () => readonly string[];
  readonly #clock: Clock;
  readonly #look: () => Promise<void>;
  #watchers: readonly FSWatcher[] = [];
  #poll: Timer;
  #quiet: Timer | undefined;
  #firstEventMs: number | undefined;
  #isLooking = false;
  #isStale = false;
  #isClosed = false;

  constructor({ folders, clock, look }: Parameters<typeof watchFolders>[0]) {
    this.#folders = folders;
    this.#clock = clock;
    this.#look = look;
    this.#arm();
    this.#poll = clock.after(POLL_MS, this.#onPoll);
  }

  close(): void {
    this.#isClosed = true;
    this.#poll.cancel();
    this.#quiet?.cancel();
    for (const watcher of this.#watchers) watcher.close();
  }

  readonly #onPoll = (): void => {
    this.#poll = this.#clock.after(POLL_MS, this.#onPoll);
    void this.#lookAgain();
  };

  readonly #onEvent = (): void => {
    if (this.#isClosed) return;
    this.#quiet?.cancel();
    const nowMs = this.#clock.now();
    this.#firstEventMs ??= nowMs;
    const patienceMs = this.#firstEventMs + PATIENCE_MS - nowMs;
    this.#quiet = this.#clock.after(Math.max(0, Math.min(QUIET_MS, patienceMs)), () => {
      this.#firstEventMs = undefined;
      void this.#lookAgain();
    });
  };

  async #lookAgain(): Promise<void> {
    this.#isStale = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    while (this.#isStale && !this.#isClosed) {
      this.#isStale = false;
      // Before the look: what changes after this line is an event, what changed before it is seen by the look.
      this.#arm();
      await this.#look();
    }
    this.#isLooking = false;
  }

  /** Always anew: a watcher of a folder that was deleted and made again is deaf, and cannot be told from a good one. */
  #arm(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = this.#folders().flatMap((folder) => {
      try {
        const watcher = watchFolder(folder, { persistent: false }, this.#onEvent);
        watcher.on("error", () => watcher.close()); // the poll goes on
        return [watcher];
      } catch {
        return []; // not there, not ours to read, or no watches left: the poll finds it
      }
    });
  }
}
