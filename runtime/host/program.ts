/**
 * What the host is to run: the functions of the folder with the configuration of the file, both as they are now. They are
 * taken in together: a version that the configuration does not fit, or a configuration that the functions refuse, is
 * reported, and what was good goes on.
 */
import { existsSync } from "node:fs";
import { parse } from "node:path";
import type { Clock } from "../clock/clock.ts";
import { EvenkeelError } from "../kube/errors.ts";
import type { Cell } from "../reconcile/cell/cell.ts";
import type { OpenCell } from "../reconcile/cell/open-cell.ts";
import { watchFunctions, type FunctionChanges, type LoadedFunction } from "../reconcile/loader.ts";
import { shortPath } from "../reconcile/source-position.ts";
import { parseConfig, readConfigText, type Config, type Functions } from "./config-file.ts";
import { watchConfig } from "./config-watch.ts";
import { defaults } from "./settings.ts";

export interface ProgramOptions {
  /** Absolute. */
  readonly functionsDir: string;
  /** Absolute; undefined when there is none. */
  readonly configFile: string | undefined;
  /** The text that stands for the file where there is none. */
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
  /** The function that it keeps from being at work in its newest version; undefined: the configuration. */
  readonly about: string | undefined;
  readonly message: string;
}

type Fit = Pick<ProgramState, "functions" | "config">;

export class Program {
  readonly #options: ProgramOptions;
  /** The newest version of each function that loads. */
  readonly #latest = new Map<string, LoadedFunction>();
  /** File → why it does not load. */
  readonly #broken = new Map<string, string>();
  /** Function → why its newest version was not taken in. */
  #unfit = new Map<string, string>();
  #configProblem: string | undefined;
  #fit: Fit | undefined;
  #steps: Promise<unknown> = Promise.resolve();
  readonly #closes: (() => void)[] = [];

  constructor(options: ProgramOptions) {
    this.#options = options;
  }

  /**
   * The first state; every later one goes to `onChange`.
   * @throws EvenkeelError CONFIG_INVALID, FILE_NOT_FOUND, or FUNCTION_LOAD_FAILED when not one function loads
   */
  start(): Promise<ProgramState> {
    const first = this.#start();
    // What changes meanwhile is the second state.
    this.#steps = first.catch(() => {});
    return first;
  }

  async #start(): Promise<ProgramState> {
    const { functionsDir: dir, configFile: file, clock, open, onRefused } = this.#options;
    const onChange = (changes: FunctionChanges): void => this.#next(() => this.#note(changes));
    const watch = await watchFunctions({ dir, clock, open, onChange });
    this.#closes.push(() => watch.close());
    const { loaded, failed } = watch.initial;
    if (loaded.length === 0) throw noFunction(dir, failed);
    this.#note(watch.initial);
    const functions = new Map(this.#latest);
    this.#fit = { functions, config: await this.#parse(await this.#text(), functions) };
    if (file !== undefined) {
      const configWatch = await watchConfig({
        file,
        clock,
        functions: () => this.#cells(this.#fit?.functions ?? functions),
        onChange: () => this.#next(() => {}),
        onError: (error) => {
          onRefused(error);
          this.#next(() => {});
        },
      });
      this.#closes.push(() => configWatch.close());
    }
    return { ...this.#fit, problems: this.#problems };
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
    const former = this.#state;
    note();
    try {
      this.#fit = await this.#refit();
      this.#configProblem = undefined;
    } catch (error) {
      // The watch of the file has told it already.
      this.#configProblem = messageOf(error);
    }
    const state = this.#state;
    if (state !== undefined && former !== undefined) this.#options.onChange(state, former);
  }

  #note({ loaded, removed, failed }: FunctionChanges): void {
    for (const each of loaded) {
      this.#retire(this.#latest.get(each.name));
      this.#latest.set(each.name, each);
      this.#broken.delete(each.file);
    }
    for (const name of removed) {
      this.#retire(this.#latest.get(name));
      this.#latest.delete(name);
    }
    for (const { file, error } of failed) {
      this.#broken.set(file, error.message);
      this.#options.onRefused(error);
    }
    // What is no longer in the folder is no longer broken.
    for (const file of this.#broken.keys()) if (!existsSync(file)) this.#broken.delete(file);
  }

  /** A version that never came to work has nobody else to end it. */
  #retire(replaced: LoadedFunction | undefined): void {
    if (replaced !== undefined && this.#fit?.functions.get(replaced.name) !== replaced) replaced.cell.rest();
  }

  /** What fits, one function at a time: one that does not keeps its former version and holds up no other. */
  async #refit(): Promise<Fit> {
    const text = await this.#text();
    let functions: ReadonlyMap<string, LoadedFunction> = new Map(
      [...(this.#fit?.functions ?? [])].filter(([name]) => this.#latest.has(name)),
    );
    let config = await this.#parse(text, functions);
    const unfit = new Map<string, string>();
    for (const [name, next] of this.#latest) {
      if (functions.get(name) === next) continue;
      const candidate = new Map(functions).set(name, next);
      try {
        config = await this.#parse(text, candidate);
        functions = candidate;
      } catch (error) {
        unfit.set(name, messageOf(error));
        if (this.#unfit.get(name) !== messageOf(error)) this.#options.onRefused(asError(error));
      }
    }
    this.#unfit = unfit;
    return { functions, config };
  }

  async #text(): Promise<string> {
    const { configFile, builtInConfig } = this.#options;
    return configFile === undefined ? builtInConfig(this.#cells(this.#latest)) : readConfigText(configFile);
  }

  #parse(text: string, functions: ReadonlyMap<string, LoadedFunction>): Promise<Config> {
    const { configFile } = this.#options;
    const file = configFile === undefined ? `no ${defaults.configFile} and no --config` : shortPath(configFile);
    return parseConfig(text, { file, functions: this.#cells(functions) });
  }

  /** With the names of those that are there but not at work: their sections are let stand unread. */
  #cells(functions: ReadonlyMap<string, LoadedFunction>): Functions {
    const all = new Map<string, Cell | undefined>();
    for (const file of this.#broken.keys()) all.set(parse(file).name, undefined);
    for (const name of this.#latest.keys()) all.set(name, undefined);
    for (const [name, { cell }] of functions) all.set(name, cell);
    return all;
  }

  get #state(): ProgramState | undefined {
    return this.#fit && { ...this.#fit, problems: this.#problems };
  }

  get #problems(): readonly ProgramProblem[] {
    const config = this.#configProblem === undefined ? [] : [{ about: undefined, message: this.#configProblem }];
    const broken = [...this.#broken].map(([file, message]) => ({ about: parse(file).name, message }));
    const unfit = [...this.#unfit].map(([about, message]) => ({ about, message }));
    return [...config, ...broken, ...unfit];
  }
}

/** The first failure stands for all: they are mended one after the other. */
function noFunction(dir: string, [first, ...rest]: FunctionChanges["failed"]): EvenkeelError {
  if (first === undefined)
    return new EvenkeelError("FUNCTION_LOAD_FAILED", `${shortPath(dir)}: there is no function in it`);
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
