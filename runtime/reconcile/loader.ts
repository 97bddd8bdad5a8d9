/**
 * The functions of one folder, as they are now: a file dropped in is loaded, a changed one is loaded anew, a deleted one is
 * gone. A version that does not load is reported once, and the last good one goes on.
 */
import { resolve } from "node:path";
import type { Clock } from "../clock/clock.ts";
import { EvenkeelError } from "../kube/errors.ts";
import type { Cell } from "./cell/cell.ts";
import type { OpenCell } from "./cell/open-cell.ts";
import { functionFiles, functionFolders, type FunctionFile } from "./function-files.ts";
import { loadError } from "./load-error.ts";
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

export interface FailedFunction {
  /** undefined when the folder as a whole could not be read. */
  readonly name: string | undefined;
  readonly file: string;
  /** FUNCTION_LOAD_FAILED or FUNCTION_INVALID; its message names file, line and column. */
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
}

/** A file of pure declarations loads in milliseconds; one that takes this long awaits something that never comes. */
const LOAD_DEADLINE_MS = 10_000;

/** Where Node keeps a module it never forgets it, so a generation is never used twice in a process. */
let lastGeneration = 0;

export interface LoaderOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly open: OpenCell;
}

export class FunctionLoader {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #open: OpenCell;
  readonly #good = new Map<string, LoadedFunction>();
  /** What the last attempt at each name went by, good or not: as long as it stands there is nothing new to say. */
  readonly #attempts = new Map<string, { readonly files: string; readonly sources: Sources | undefined }>();
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
    const found = this.#find();
    if (found instanceof EvenkeelError) {
      return { loaded: [], removed: [], failed: [{ name: undefined, file: this.#dir, error: found }] };
    }
    const changes = { loaded: [] as LoadedFunction[], removed: this.#forget(found), failed: [] as FailedFunction[] };
    const results = await Promise.all(found.filter((each) => this.#isNew(each)).map((each) => this.#load(each)));
    for (const result of results) {
      if ("error" in result) changes.failed.push(result);
      else {
        this.#good.set(result.name, result);
        changes.loaded.push(result);
      }
    }
    return changes;
  }

  #find(): readonly FunctionFile[] | EvenkeelError {
    try {
      return functionFiles(this.#dir);
    } catch (cause) {
      return new EvenkeelError("FUNCTION_LOAD_FAILED", `${shortPath(this.#dir)}: the folder cannot be read`, { cause });
    }
  }

  #forget(found: readonly FunctionFile[]): readonly string[] {
    const there = new Set(found.map(({ name }) => name));
    for (const name of this.#attempts.keys()) if (!there.has(name)) this.#attempts.delete(name);
    return [...this.#good.keys()].filter((name) => !there.has(name) && this.#good.delete(name));
  }

  #isNew({ name, files }: FunctionFile): boolean {
    const attempt = this.#attempts.get(name);
    if (attempt === undefined || attempt.files !== files.join("\n")) return true;
    return attempt.sources !== undefined && !attempt.sources.isCurrent();
  }

  async #load({ name, files, refusal }: FunctionFile): Promise<LoadedFunction | FailedFunction> {
    const file = files[0] ?? "";
    const attempt = (sources?: Sources): unknown => this.#attempts.set(name, { files: files.join("\n"), sources });
    if (refusal !== undefined) {
      attempt();
      return { name, file, error: new EvenkeelError("FUNCTION_LOAD_FAILED", `${shortPath(file)}: ${refusal}`) };
    }
    const sources = new Sources();
    attempt(sources);
    try {
      const generation = ++lastGeneration;
      const cell = await this.#openInTime({ name, file, generation, sources });
      return { name, file, generation, cell };
    } catch (thrown) {
      return { name, file, error: await loadError(thrown, file, sources) };
    }
  }

  async #openInTime({ name, file, generation, sources }: Opening): Promise<Cell> {
    const overdue = new AbortController();
    const timer = this.#clock.after(LOAD_DEADLINE_MS, () =>
      overdue.abort(new Error("did not finish loading: take the top-level `await`, or the loop, out")),
    );
    try {
      const onRead = sources.note.bind(sources);
      return await this.#open({ name, dir: this.#dir, file, generation, onRead, signal: overdue.signal });
    } finally {
      timer.cancel();
    }
  }
}

interface Opening {
  readonly name: string;
  readonly file: string;
  readonly generation: number;
  readonly sources: Sources;
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
      if (!isClosed && changes.loaded.length + changes.removed.length + changes.failed.length > 0) onChange(changes);
    },
  });
  const close = (): void => {
    isClosed = true;
    watch.close();
  };
  return { initial: await loader.scan(), close };
}
