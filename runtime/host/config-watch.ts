/** Keeps the configuration up to date with its file. A bad version is reported, and the last good one stays in force. */
import { realpathSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../clock/clock.ts";
import { codeOf, EvenkeelError } from "../kube/errors.ts";
import { shortPath } from "../reconcile/source-position.ts";
import { watchFolders, type Watch } from "../reconcile/watch-folders.ts";
import { parseConfig, readConfigText, type Config, type Functions } from "./config-file.ts";

export interface ConfigWatchOptions {
  /** Absolute. */
  readonly file: string;
  readonly clock: Clock;
  /** The functions there are now. */
  readonly functions: () => Functions;
  /** Gets each later good version. Must not throw. */
  readonly onChange: (config: Config) => void;
  /** Gets each later bad version, once. Must not throw. */
  readonly onError: (error: EvenkeelError) => void;
}

/**
 * Reads the configuration, and again whenever the file changes: written, renamed over, or swapped as a ConfigMap volume is.
 * @throws EvenkeelError CONFIG_INVALID or FILE_NOT_FOUND when there is no good version to start with.
 */
export async function watchConfig(options: ConfigWatchOptions): Promise<ConfigWatch> {
  const watch = new ConfigWatch(options);
  try {
    await watch.start();
    return watch;
  } catch (error) {
    watch.close();
    throw error;
  }
}

export class ConfigWatch {
  readonly #options: ConfigWatchOptions;
  readonly #folders: Watch;
  #text: string | undefined;
  #initial: Config | undefined;
  #reported: string | undefined;
  #reads: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: ConfigWatchOptions) {
    this.#options = options;
    // Watched before it is first read: a change made meanwhile is seen by the next look.
    this.#folders = watchFolders({
      folders: () => homes(options.file),
      clock: options.clock,
      look: () => this.#next(() => this.#look()),
    });
  }

  async start(): Promise<void> {
    await this.#next(async () => {
      this.#initial = await this.#parse(await this.#read());
    });
  }

  /** The version that was there at the start. */
  get initial(): Config {
    if (this.#initial === undefined)
      throw new EvenkeelError("BUG", "the configuration was asked for before it was read");
    return this.#initial;
  }

  /** Checks the text in hand against the functions there are now, and reports the outcome. */
  recheck(): Promise<void> {
    return this.#next(async () => {
      this.#text = undefined;
      await this.#look();
    });
  }

  /** Idempotent. Nothing is reported after it. */
  close(): void {
    this.#isClosed = true;
    this.#folders.close();
  }

  /** One read at a time, in order. */
  #next(read: () => Promise<void>): Promise<void> {
    const next = this.#reads.then(read);
    this.#reads = next.catch(() => {});
    return next;
  }

  async #look(): Promise<void> {
    try {
      const before = this.#text;
      const text = await this.#read();
      if (text === before || this.#isClosed) return;
      const config = await this.#parse(text);
      if (this.#isClosed) return;
      this.#reported = undefined;
      this.#options.onChange(config);
    } catch (error) {
      this.#report(error);
    }
  }

  async #read(): Promise<string> {
    const { file } = this.#options;
    this.#text = undefined; // a file that cannot be read is news when it can be again
    const text = await readConfigText(file);
    this.#text = text;
    return text;
  }

  #parse(text: string): Promise<Config> {
    const { file, functions } = this.#options;
    return parseConfig(text, { file: shortPath(file), functions: functions() });
  }

  #report(error: unknown): void {
    if (!(error instanceof EvenkeelError) || codeOf(error) === "BUG") throw error;
    if (this.#isClosed || error.message === this.#reported) return;
    this.#reported = error.message;
    this.#options.onError(error);
  }
}

/** Where the file is, and where it links to: a change is made in one of them. */
function homes(file: string): readonly string[] {
  try {
    return [dirname(file), dirname(realpathSync(file))];
  } catch {
    return [dirname(file)];
  }
}
