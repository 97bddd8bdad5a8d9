/**
 * What the host is to run: the functions of the folder with the configuration of the file, both as they are now. They are
 * taken in together: a version that the configuration does not fit, or a configuration that the functions refuse, is
 * reported, and what was good goes on.
 */
import { basename } from "node:path";
import type { Clock } from "../clock/clock.ts";
import { EvenkeelError } from "../kube/errors.ts";
import type { OpenCell } from "../reconcile/cell/open-cell.ts";
import { watchFunctions, type FunctionChanges, type LoadedFunction } from "../reconcile/loader.ts";
import { shortPath } from "../reconcile/source-position.ts";
import { isAbsent, parseConfig, type Config, type Configurable, type Functions } from "./config-file.ts";
import { watchConfig, type Reading } from "./config-watch.ts";
import { defaults } from "./settings.ts";

interface ProgramOptions {
  /** Absolute. */
  readonly functionsDir: string;
  /** Absolute. */
  readonly configFile: string;
  /** Whether the file may be missing at the start. */
  readonly isConfigOptional: boolean;
  /** The text that stands for it until it is there. */
  readonly builtInConfig: (functions: Functions) => string;
  readonly clock: Clock;
  /** Where functions are to live. */
  readonly open: OpenCell;
  /** Told of each state after the first, one at a time. */
  readonly onChange: (state: ProgramState, before: ProgramState) => void;
  /** Told of each version that cannot be used. Must not throw. */
  readonly onRefused: (error: EvenkeelError) => void;
}

export interface ProgramState {
  readonly functions: ReadonlyMap<string, LoadedFunction>;
  readonly config: Config;
  /** What is broken at the moment: until it is mended the host is not what its files say. */
  readonly problems: readonly ProgramProblem[];
}

export interface ProgramProblem {
  /** The function that it keeps from being at work in its newest version, or the folder; undefined: the configuration. */
  readonly about: string | undefined;
  readonly message: string;
}

type Fit = Pick<ProgramState, "functions" | "config">;

/** One version of the configuration */
interface ConfigText {
  /** As it appears in messages. */
  readonly file: string;
  readonly text: string;
  /** The functions there were, good or not: their sections may stand. */
  readonly names: readonly string[];
}

/** What is at work, and the version of the configuration that it goes by. */
interface Current {
  readonly fit: Fit;
  readonly text: ConfigText;
}

export class Program {
  readonly #options: ProgramOptions;
  /** The newest version of each function that loads. */
  readonly #latest = new Map<string, LoadedFunction>();
  /** Function → why its newest version does not load; undefined: why the folder cannot be read. */
  readonly #broken = new Map<string | undefined, string>();
  /** Function → why its newest version was not taken in. */
  #unfit: ReadonlyMap<string, string> = new Map();
  /** The newest of the file; undefined while it has never been there. */
  #reading: Reading | undefined;
  #configProblem: string | undefined;
  /** undefined until the start is done. */
  #current: Current | undefined;
  #steps: Promise<unknown> = Promise.resolve();
  readonly #closes: (() => void)[] = [];

  constructor(options: ProgramOptions) {
    this.#options = options;
  }

  /**
   * The first state; every later one goes to `onChange`.
   * @throws EvenkeelError CONFIG_INVALID, FILE_NOT_FOUND; FUNCTION_FOLDER_UNUSABLE or FUNCTION_LOAD_FAILED when not one
   * function loads
   */
  start(): Promise<ProgramState> {
    const first = this.#start();
    // What changes meanwhile is the second state.
    this.#steps = first.catch(() => {});
    return first;
  }

  async #start(): Promise<ProgramState> {
    const { functionsDir: dir, configFile: file, isConfigOptional, clock, open } = this.#options;
    const onChange = (changes: FunctionChanges): void => this.#next(() => this.#note(changes));
    const watch = await watchFunctions({ dir, clock, open, onChange });
    this.#closes.push(() => watch.close());
    const { loaded, failed } = watch.initial;
    if (loaded.length === 0) throw noFunction(dir, failed);
    this.#note(watch.initial);
    const onReading = (reading: Reading): void => this.#next(() => void (this.#reading = reading));
    const configWatch = await watchConfig({ file, clock, onChange: onReading });
    this.#closes.push(() => configWatch.close());
    // One that vanishes later is about to be written anew, or somebody's mistake: the last good one goes on.
    this.#reading = isConfigOptional && isAbsent(configWatch.initial) ? undefined : configWatch.initial;
    const text = this.#text();
    const functions = new Map(this.#latest);
    const fit = { functions, config: await parseFor(functions, text) };
    this.#current = { fit, text };
    return { ...fit, problems: this.#problems };
  }

  close(): void {
    for (const close of this.#closes) close();
  }

  /** One change at a time, in the order they came. */
  #next(note: () => void): void {
    this.#steps = this.#step(note, this.#steps);
  }

  async #step(note: () => void, before: Promise<unknown>): Promise<void> {
    await before;
    if (this.#current === undefined) return; // the start has failed
    const former = { ...this.#current.fit, problems: this.#problems };
    note();
    this.#current = await this.#refit(this.#current);
    this.#options.onChange({ ...this.#current.fit, problems: this.#problems }, former);
  }

  #note({ loaded, removed, failed, mended }: FunctionChanges): void {
    for (const each of loaded) {
      this.#retire(this.#latest.get(each.name));
      this.#latest.set(each.name, each);
    }
    for (const name of removed) {
      this.#retire(this.#latest.get(name));
      this.#latest.delete(name);
    }
    for (const name of mended) this.#broken.delete(name);
    for (const { name, error } of failed) {
      this.#broken.set(name, error.message);
      this.#options.onRefused(error);
    }
  }

  /** A version that never came to work has nobody else to end it. */
  #retire(replaced: LoadedFunction | undefined): void {
    if (replaced !== undefined && this.#current?.fit.functions.get(replaced.name) !== replaced) replaced.cell.rest();
  }

  /** By the newest version of the configuration; by the one before where the newest is bad. */
  async #refit({ fit: former, text: good }: Current): Promise<Current> {
    // What is gone goes, whatever the configuration says.
    const kept = without(former, (name) => !this.#latest.has(name));
    try {
      const text = this.#text();
      const { fit, unfit } = await this.#takeIn(kept, text);
      const config = await parseFor(fit.functions, text);
      this.#configProblem = undefined;
      this.#refuse(unfit);
      return { fit: { ...fit, config }, text };
    } catch (error) {
      if (messageOf(error) !== this.#configProblem) this.#options.onRefused(asError(error));
      this.#configProblem = messageOf(error);
    }
    const { fit, unfit } = await this.#takeIn(kept, { ...good, file: `${good.file} (the last good one)` });
    this.#refuse(unfit);
    return { fit, text: good };
  }

  /** What fits, one function at a time: one that does not keeps its former version and holds up no other. */
  async #takeIn({ functions: kept, config }: Fit, text: ConfigText) {
    const functions = new Map(kept);
    const sections = new Map(config.functions);
    const unfit = new Map<string, unknown>();
    for (const [name, next] of this.#latest) {
      if (kept.get(name) === next) continue;
      try {
        const read = await parseFor(new Map([[name, next]]), text);
        functions.set(name, next);
        sections.set(name, read.functions.get(name));
      } catch (error) {
        unfit.set(name, error);
      }
    }
    return { fit: { functions, config: { ...config, functions: sections } }, unfit };
  }

  #refuse(unfit: ReadonlyMap<string, unknown>): void {
    for (const [name, error] of unfit)
      if (this.#unfit.get(name) !== messageOf(error)) this.#options.onRefused(asError(error));
    this.#unfit = new Map([...unfit].map(([name, error]) => [name, messageOf(error)]));
  }

  /** @throws EvenkeelError when the file cannot be read */
  #text(): ConfigText {
    const { configFile, builtInConfig } = this.#options;
    const names = [...this.#broken.keys(), ...this.#latest.keys()].filter((name) => name !== undefined);
    if (this.#reading instanceof EvenkeelError) throw this.#reading;
    if (this.#reading !== undefined) return { file: shortPath(configFile), text: this.#reading, names };
    return { file: `no ${defaults.configFile} and no --config`, text: builtInConfig(unread(names)), names };
  }

  get #problems(): readonly ProgramProblem[] {
    const config = this.#configProblem === undefined ? [] : [{ about: undefined, message: this.#configProblem }];
    const folder = `${basename(this.#options.functionsDir)}/`;
    const broken = [...this.#broken].map(([name, message]) => ({ about: name ?? folder, message }));
    const unfit = [...this.#unfit].map(([about, message]) => ({ about, message }));
    return [...config, ...broken, ...unfit];
  }
}

const unread = (names: readonly string[]): Map<string, Configurable | undefined> =>
  new Map(names.map((name) => [name, undefined]));

/** @throws EvenkeelError CONFIG_INVALID */
function parseFor(functions: ReadonlyMap<string, LoadedFunction>, { file, text, names }: ConfigText): Promise<Config> {
  const all = unread(names);
  for (const [name, { cell }] of functions) all.set(name, cell);
  return parseConfig(text, { file, functions: all });
}

function without({ functions, config }: Fit, isGone: (name: string) => boolean): Fit {
  const left = <T>(all: ReadonlyMap<string, T>): Map<string, T> => new Map([...all].filter(([name]) => !isGone(name)));
  return { functions: left(functions), config: { ...config, functions: left(config.functions) } };
}

/** The first failure stands for all: they are mended one after the other. */
function noFunction(dir: string, [first, ...rest]: FunctionChanges["failed"]): EvenkeelError {
  if (first === undefined)
    return new EvenkeelError("FUNCTION_FOLDER_UNUSABLE", `${shortPath(dir)}: there is no function in it`);
  if (rest.length === 0) return first.error;
  const what = `none of the ${rest.length + 1} functions of ${shortPath(dir)} loads`;
  return new EvenkeelError("FUNCTION_LOAD_FAILED", what, { cause: first.error });
}

function asError(error: unknown): EvenkeelError {
  return error instanceof EvenkeelError
    ? error
    : new EvenkeelError("BUG", "the configuration cannot be taken in", { cause: error });
}

function messageOf(error: unknown): string {
  return asError(error).message;
}
