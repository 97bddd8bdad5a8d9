/**
 * The functions of one folder, as they are now: a file dropped in is loaded, a changed one is loaded anew, a deleted one is
 * gone. A version that does not load is reported once, and the last good one goes on.
 */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { backoffMs, type Clock } from "../clock/clock.ts";
import { EvenkeelError } from "../kube/errors.ts";
import type { Cell } from "./cell/cell.ts";
import { LOAD_DEADLINE_MS, type OpenCell } from "./cell/open-cell.ts";
import { functionFiles, functionFolders, type FunctionFile } from "./function-files.ts";
import { loadError } from "./load-error.ts";
import { Slots } from "./slots.ts";
import { Sources } from "./sources.ts";
import { shortPath } from "./source-position.ts";
import { watchFolders, type Watch } from "./watch-folders.ts";

export interface LoadedFunction {
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
  /** Grows with each load in this process: tells two versions of one function apart. */
  readonly generation: number;
  /** Where it runs, and what it declares. */
  readonly cell: Cell;
}

interface FailedFunction {
  /** undefined when the folder as a whole could not be read. */
  readonly name: string | undefined;
  readonly file: string;
  /** FUNCTION_LOAD_FAILED or FUNCTION_INVALID, naming file, line and column; FUNCTION_FOLDER_UNUSABLE of the folder. */
  readonly error: EvenkeelError;
}

/** What is different since the scan before. */
export interface FunctionChanges {
  /** New, or in a new version. */
  readonly loaded: readonly LoadedFunction[];
  /** Names whose file is gone. */
  readonly removed: readonly string[];
  /** Versions that do not load. Each is reported once; if an earlier one loaded, that one goes on. */
  readonly failed: readonly FailedFunction[];
  /** Names reported in `failed` before that have since loaded or gone. undefined: the folder can be read again. */
  readonly mended: readonly (string | undefined)[];
}

/** When a load that was given up is begun again: a machine may be less busy then, a loop costs ever less. */
const AGAIN = { baseMs: 5_000, capMs: 300_000, jitter: 0 };

/** Where Node keeps a module it never forgets it, so a generation is never used twice in a process. */
let lastGeneration = 0;

interface LoaderOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly open: OpenCell;
}

export class FunctionLoader {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #open: OpenCell;
  /** To load is to compute: what has no processor of its own only runs out of time. */
  readonly #slots = new Slots(availableParallelism());
  readonly #good = new Map<string, LoadedFunction>();
  /** What the last attempt at each name went by, good or not: as long as it stands there is nothing new to say. */
  readonly #attempts = new Map<string, Attempt>();
  /** The names that were told in `failed`, until they are told in `mended`. */
  readonly #broken = new Set<string | undefined>();
  #scans: Promise<unknown> = Promise.resolve();

  constructor({ dir, clock, open }: LoaderOptions) {
    this.#dir = resolve(dir);
    this.#clock = clock;
    this.#open = open;
  }

  /** Looks at the folder and loads what changed, one scan at a time. Never rejects. */
  scan(): Promise<FunctionChanges> {
    const scan = this.#scans.then(() => this.#scan());
    this.#scans = scan;
    return scan;
  }

  /** The folders whose changes can change a function. */
  folders(): readonly string[] {
    return functionFolders(this.#dir);
  }

  async #scan(): Promise<FunctionChanges> {
    const before = [...this.#broken];
    const found = this.#find();
    const changes = found instanceof EvenkeelError ? this.#unreadable(found) : await this.#loadAll(found);
    return { ...changes, mended: before.filter((name) => !this.#broken.has(name)) };
  }

  #find(): readonly FunctionFile[] | EvenkeelError {
    try {
      return functionFiles(this.#dir);
    } catch (cause) {
      return new EvenkeelError("FUNCTION_FOLDER_UNUSABLE", `${shortPath(this.#dir)}: the folder cannot be read`, {
        cause,
      });
    }
  }

  #unreadable(error: EvenkeelError): Omit<FunctionChanges, "mended"> {
    const failed = this.#broken.has(undefined) ? [] : [{ name: undefined, file: this.#dir, error }];
    this.#broken.add(undefined);
    return { loaded: [], removed: [], failed };
  }

  async #loadAll(found: readonly FunctionFile[]): Promise<Omit<FunctionChanges, "mended">> {
    this.#broken.delete(undefined);
    const removed = this.#forget(found);
    const due = found.filter((each) => this.#isDue(each));
    const results = await Promise.all(due.map((each) => this.#slots.use(() => this.#load(each))));
    const loaded = results.filter((result) => result !== undefined && "cell" in result);
    const failed = results.filter((result) => result !== undefined && "error" in result);
    for (const each of loaded) {
      this.#good.set(each.name, each);
      this.#broken.delete(each.name);
    }
    for (const { name } of failed) this.#broken.add(name);
    return { loaded, removed, failed };
  }

  #forget(found: readonly FunctionFile[]): readonly string[] {
    const there = new Set(found.map(({ name }) => name));
    for (const name of this.#attempts.keys()) {
      if (there.has(name)) continue;
      this.#attempts.delete(name);
      this.#broken.delete(name);
    }
    return [...this.#good.keys()].filter((name) => !there.has(name) && this.#good.delete(name));
  }

  /** An attempt at what is no longer there counts for nothing. */
  #isDue(found: FunctionFile): boolean {
    const attempt = this.#attempts.get(found.name);
    if (attempt?.claim === claimOf(found) && attempt.sources.isCurrent()) return attempt.againAtMs <= this.#clock.now();
    this.#attempts.delete(found.name);
    return true;
  }

  /** @returns undefined when it was given up once more: that is told already. */
  async #load(found: FunctionFile): Promise<LoadedFunction | FailedFunction | undefined> {
    const { name, files, refusal } = found;
    const [file = ""] = files;
    const { givenUpCount = 0 } = this.#attempts.get(name) ?? {};
    const sources = new Sources();
    const attempt = { claim: claimOf(found), sources, givenUpCount: 0, againAtMs: Infinity };
    this.#attempts.set(name, attempt);
    if (refusal !== undefined) return { name, file, error: failure(file, refusal) };
    const overdue = new AbortController();
    const timer = this.#clock.after(LOAD_DEADLINE_MS, () => overdue.abort(failure(file, TOOK_TOO_LONG)));
    try {
      const generation = ++lastGeneration;
      const onRead = sources.note.bind(sources);
      const cell = await this.#open({ name, dir: this.#dir, file, generation, onRead, signal: overdue.signal });
      return { name, file, generation, cell };
    } catch (thrown) {
      if (overdue.signal.aborted) {
        attempt.givenUpCount = givenUpCount + 1;
        attempt.againAtMs = this.#clock.now() + backoffMs(this.#clock, givenUpCount, AGAIN);
        if (givenUpCount > 0) return undefined;
      }
      return { name, file, error: await loadError(thrown, file, sources) };
    } finally {
      timer.cancel();
    }
  }
}

interface Attempt {
  readonly claim: string;
  readonly sources: Sources;
  /** How often in a row the load took too long. */
  readonly givenUpCount: number;
  /** When it is begun again although nothing has changed. */
  readonly againAtMs: number;
}

const TOOK_TOO_LONG = `did not finish loading within ${LOAD_DEADLINE_MS / 1000} s and is tried again later: a top-level \`await\` or a loop holds it up, or the machine is busy`;

/** Which files claim the name, and whether they can: all that is known before one of them is read. */
function claimOf({ files, refusal = "" }: FunctionFile): string {
  return [refusal, ...files].join("\n");
}

function failure(file: string, what: string): EvenkeelError {
  return new EvenkeelError("FUNCTION_LOAD_FAILED", `${shortPath(file)}: ${what}`);
}

/**
 * Loads the functions of `dir`, and again whenever a file of theirs changes.
 * @param onChange gets each later scan that found a difference; must not throw.
 */
export async function watchFunctions({
  onChange,
  ...options
}: LoaderOptions & {
  readonly onChange: (changes: FunctionChanges) => void;
}): Promise<{ readonly initial: FunctionChanges; close(): void }> {
  const loader = new FunctionLoader(options);
  let isClosed = false;
  // Watched before the first scan: a change made during it is seen by the next.
  const watch: Watch = watchFolders({
    folders: () => loader.folders(),
    clock: options.clock,
    look: async () => {
      const changes = await loader.scan();
      if (!isClosed && Object.values(changes).some(({ length }) => length > 0)) onChange(changes);
    },
  });
  const close = (): void => {
    isClosed = true;
    watch.close();
  };
  return { initial: await loader.scan(), close };
}
