/**
 * What a file in `functions/` can import: `#evenkeel`, and files of its own folder. Every import of a function carries
 * that function's generation in its URL (`?evenkeel=7`), so a load reads the function and its helpers afresh; which files
 * it read, and what was in them, is recorded as it reads them.
 */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { registerHooks, type LoadHookSync, type ResolveHookSync } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { EvenkeelError } from "../kube/errors.ts";
import { locate, shortPath } from "./source-position.ts";

/** Where Node keeps a module it never forgets it, so a generation is never used twice in a process. */
let lastGeneration = 0;

const EVENKEEL_URL = new URL("../index.ts", import.meta.url).href;

const FORMATS: Readonly<Record<string, string>> = {
  ts: "module-typescript",
  mts: "module-typescript",
  js: "module",
  mjs: "module",
  json: "json",
};

/** What one load read. */
export interface Sources {
  /** Path to digest; `absent` for a file that was asked for and could not be read. */
  readonly digests: ReadonlyMap<string, string>;
  /** The file that was read last: the one that does not parse, when one does not. */
  readonly last: { readonly path: string; readonly text: string } | undefined;
}

interface Recording {
  readonly digests: Map<string, string>;
  last: Sources["last"];
}

export class FunctionImports {
  readonly #rootUrl: string;
  readonly #recordings = new Map<string, Recording>();
  readonly #hooks: { deregister(): void };

  /** @param dir absolute */
  constructor(dir: string) {
    this.#rootUrl = `${pathToFileURL(dir).href.replace(/\/$/, "")}/`;
    this.#hooks = registerHooks({ resolve: this.#resolve, load: this.#load });
  }

  /** Imports `file` as a new generation. `outcome` rejects with whatever the file or Node threw. */
  start(file: string): { readonly generation: number; readonly outcome: Promise<object>; readonly sources: Sources } {
    const generation = ++lastGeneration;
    const sources: Recording = { digests: new Map(), last: undefined };
    this.#recordings.set(String(generation), sources);
    const outcome: Promise<object> = import(withGeneration(pathToFileURL(file), String(generation)));
    return { generation, outcome, sources };
  }

  /** Ends the recording of a load. What the function imports later, while it runs, follows the same rules unrecorded. */
  finish(generation: number): void {
    this.#recordings.delete(String(generation));
  }

  close(): void {
    this.#hooks.deregister();
  }

  readonly #resolve: ResolveHookSync = (specifier, context, next) => {
    if (this.#isOurs(specifier)) return { url: specifier, format: formatOf(specifier), shortCircuit: true };
    const { parentURL } = context;
    if (parentURL === undefined || !this.#isOurs(parentURL)) return next(specifier, context);
    if (specifier === "#evenkeel") return { url: EVENKEEL_URL, format: "module-typescript", shortCircuit: true };
    const url = withGeneration(this.#file(specifier, parentURL), generationOf(parentURL) ?? "");
    return { url, format: formatOf(url), shortCircuit: true };
  };

  readonly #load: LoadHookSync = (url, context, next) => {
    if (!this.#isOurs(url)) return next(url, context);
    const recording = this.#recordings.get(generationOf(url) ?? "");
    const path = fileURLToPath(url);
    recording?.digests.set(path, ABSENT);
    const result = next(url, context);
    const text = textOf(result.source);
    recording?.digests.set(path, digest(text));
    if (recording !== undefined) recording.last = { path, text };
    return result;
  };

  /** The file that a function's `specifier` means. @throws EvenkeelError FUNCTION_LOAD_FAILED naming file and line. */
  #file(specifier: string, parentURL: string): URL {
    const refuse = (why: string): never => {
      throw new EvenkeelError("FUNCTION_LOAD_FAILED", `${whereImported(specifier, parentURL)}: ${why}`);
    };
    const named = `import of ${JSON.stringify(specifier)} refused`;
    const url =
      /^(\.{0,2}\/|file:)/.test(specifier) && URL.canParse(specifier, parentURL) && new URL(specifier, parentURL);
    if (!url) return refuse(`${named}: a function imports #evenkeel and files of its own folder, nothing else`);
    if (!url.href.startsWith(this.#rootUrl)) return refuse(`${named}: the file is outside the functions folder`);
    const path = pathOf(url) ?? refuse(`${named}: it is no file path`);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      this.#recordings.get(generationOf(parentURL) ?? "")?.digests.set(path, ABSENT);
      return refuse(`${named}: there is no such file${suggestion(path, specifier)}`);
    }
    if (FORMATS[extension(path)] === undefined) return refuse(`${named}: not a .ts, .mts, .js, .mjs or .json file`);
    return url;
  }

  #isOurs(url: string): boolean {
    return url.startsWith(this.#rootUrl) && generationOf(url) !== undefined;
  }
}

/** Whether every file of a load still holds what that load read. */
export function isCurrent({ digests }: Sources): boolean {
  return digests.entries().every(([path, before]) => digestOf(path) === before);
}

const ABSENT = "absent";

function digestOf(path: string): string {
  try {
    return digest(readFileSync(path, "utf8"));
  } catch {
    return ABSENT;
  }
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

function textOf(source: string | NodeJS.TypedArray | ArrayBuffer | undefined | null): string {
  if (typeof source === "string") return source;
  return source === undefined || source === null ? "" : new TextDecoder().decode(source);
}

function withGeneration(url: URL, generation: string): string {
  return `${url.href.replace(/[?#].*$/, "")}?evenkeel=${generation}`;
}

function generationOf(url: string): string | undefined {
  return /\?evenkeel=(\d+)$/.exec(url)?.[1];
}

const formatOf = (url: string): string | undefined => FORMATS[extension(url.replace(/\?.*$/, ""))];
const extension = (path: string): string => path.slice(path.lastIndexOf(".") + 1);

function pathOf(url: URL): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined; // an encoded slash, or a host
  }
}

function whereImported(specifier: string, parentURL: string): string {
  const path = fileURLToPath(parentURL);
  const quoted = new RegExp(`["']${RegExp.escape(specifier)}["']`);
  return `${shortPath(path)}${locate(readFileSync(path, "utf8"), quoted)}`;
}

/** Node resolves no extensions, and a TypeScript file is imported as .ts. */
function suggestion(path: string, specifier: string): string {
  const stem = path.replace(/\.[mc]?js$/, "");
  const found = [".ts", ".mts", ".js", ".mjs"].find((ext) => statSync(stem + ext, { throwIfNoEntry: false })?.isFile());
  return found === undefined ? "" : `; write ${JSON.stringify(specifier.replace(/\.[mc]?js$/, "") + found)}`;
}
