/**
 * What a file in `functions/` can import: `#evenkeel`, and files of its own folder. Every import of a function carries
 * that function's generation in its URL (`?evenkeel=7`), so a load reads the function and its helpers afresh; which files
 * it read, and what was in them, is told as it reads them.
 */
import { readFileSync, statSync } from "node:fs";
import { registerHooks, type LoadHookSync, type ResolveHookSync } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { EvenkeelError } from "../kube/errors.ts";
import { locate, shortPath } from "./source-position.ts";

const EVENKEEL_URL = new URL("../index.ts", import.meta.url).href;

const FORMATS: Readonly<Record<string, string>> = {
  ts: "module-typescript",
  mts: "module-typescript",
  js: "module",
  mjs: "module",
  json: "json",
};

/** Told of each file as it is read, or found to be absent: `text` is undefined then. */
export type OnRead = (path: string, text: string | undefined) => void;

export class FunctionImports {
  readonly #rootUrl: string;
  readonly #pinned: ReadonlyMap<string, string> | undefined;
  readonly #listeners = new Map<string, OnRead>();

  /**
   * @param dir absolute
   * @param pinned what the files hold, by absolute path, instead of what is on the disk
   */
  constructor(dir: string, pinned?: ReadonlyMap<string, string>) {
    this.#rootUrl = `${pathToFileURL(dir).href.replace(/\/$/, "")}/`;
    this.#pinned = pinned;
    registerHooks({ resolve: this.#resolve, load: this.#load });
  }

  /** Imports `file` as that generation, which was never used before in this thread. Rejects with whatever was thrown. */
  async start(file: string, generation: number, onRead: OnRead): Promise<object> {
    this.#listeners.set(String(generation), onRead);
    try {
      return (await import(withGeneration(pathToFileURL(file), String(generation)))) as object;
    } finally {
      // What the function imports later, while it runs, follows the same rules unrecorded.
      this.#listeners.delete(String(generation));
    }
  }

  readonly #resolve: ResolveHookSync = (specifier, context, next) => {
    const { parentURL } = context;
    if (parentURL === undefined || !this.#isOurs(parentURL)) {
      // The function itself, which the host imports.
      const url = URL.canParse(specifier) ? new URL(specifier).href : specifier;
      return this.#isOurs(url) ? { url, format: formatOf(url), shortCircuit: true } : next(specifier, context);
    }
    if (specifier === "#evenkeel") return { url: EVENKEEL_URL, format: "module-typescript", shortCircuit: true };
    const url = withGeneration(this.#file(specifier, parentURL), generationOf(parentURL) ?? "");
    return { url, format: formatOf(url), shortCircuit: true };
  };

  readonly #load: LoadHookSync = (url, context, next) => {
    if (!this.#isOurs(url)) return next(url, context);
    const onRead = this.#listeners.get(generationOf(url) ?? "");
    const path = fileURLToPath(url);
    const text = this.#text(path);
    onRead?.(path, text);
    const format = formatOf(url);
    // What cannot be read is refused by Node, in its own words.
    if (text === undefined || format === undefined) return next(url, context);
    return { format, source: text, shortCircuit: true };
  };

  #text(path: string): string | undefined {
    if (this.#pinned !== undefined) return this.#pinned.get(path);
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  }

  #isFile(path: string): boolean {
    if (this.#pinned !== undefined) return this.#pinned.has(path);
    return isFile(path);
  }

  /** The file that a function's `specifier` means. @throws EvenkeelError FUNCTION_LOAD_FAILED naming file and line. */
  #file(specifier: string, parentURL: string): URL {
    const refuse = (why: string): never => {
      throw new EvenkeelError("FUNCTION_LOAD_FAILED", `${this.#whereImported(specifier, parentURL)}: ${why}`);
    };
    const named = `import of ${JSON.stringify(specifier)} refused`;
    const url =
      /^(\.{0,2}\/|file:)/.test(specifier) && URL.canParse(specifier, parentURL) && new URL(specifier, parentURL);
    if (!url) return refuse(`${named}: a function imports #evenkeel and files of its own folder, nothing else`);
    if (!url.href.startsWith(this.#rootUrl)) return refuse(`${named}: the file is outside the functions folder`);
    const path = pathOf(url) ?? refuse(`${named}: it is no file path`);
    if (!this.#isFile(path)) {
      this.#listeners.get(generationOf(parentURL) ?? "")?.(path, undefined);
      return refuse(`${named}: there is no such file${suggestion(path, specifier)}`);
    }
    if (FORMATS[extension(path)] === undefined) return refuse(`${named}: not a .ts, .mts, .js, .mjs or .json file`);
    return url;
  }

  #whereImported(specifier: string, parentURL: string): string {
    const path = fileURLToPath(parentURL);
    const quoted = new RegExp(`["']${RegExp.escape(specifier)}["']`);
    return `${shortPath(path)}${locate(this.#text(path) ?? "", quoted)}`;
  }

  #isOurs(url: string): boolean {
    return url.startsWith(this.#rootUrl) && generationOf(url) !== undefined;
  }
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

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // nothing is there, or nothing can be: the name is too long, or has a character that no name has
  }
}

/** Node resolves no extensions, and a TypeScript file is imported as .ts. */
function suggestion(path: string, specifier: string): string {
  const stem = path.replace(/\.[mc]?js$/, "");
  const found = [".ts", ".mts", ".js", ".mjs"].find((ext) => isFile(stem + ext));
  return found === undefined ? "" : `; write ${JSON.stringify(specifier.replace(/\.[mc]?js$/, "") + found)}`;
}
