/** The configuration: one YAML file, with a section for each function that takes one. It is good as a whole or not at all. */
import { readFile, stat } from "node:fs/promises";
import { EvenkeelError, systemCode } from "../kube/errors.ts";
import type { Cell } from "../reconcile/cell/cell.ts";
import { shortPath } from "../reconcile/source-position.ts";
import { LocatedYaml, MAX_PROBLEMS, type Path, type Problem } from "./located-yaml.ts";
import { didYouMean } from "./did-you-mean.ts";

export interface Config {
  /** Functions whose writes are planned and traced, and not made: all of them, or these. */
  readonly dryRun: true | ReadonlySet<string>;
  /** By name, for every function that loaded: its section, validated; undefined where it takes none. */
  readonly functions: ReadonlyMap<string, unknown>;
}

/** The functions there are, by name; undefined for one whose file does not load: its section is let stand unread. */
export type Functions = ReadonlyMap<string, Configurable | undefined>;

/** Whoever checks a section. */
export type Configurable = Pick<Cell, "readConfig">;

/** More than any list of prefixes; less than what would hold up the host while it is parsed. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/**
 * What `text` means for `functions`.
 * @param file as it appears in messages.
 * @throws EvenkeelError CONFIG_INVALID: `FILE:LINE:COLUMN: functions.mirror.prefixes[0]: message`, a line for each.
 */
export async function parseConfig(
  text: string,
  { file, functions }: { readonly file: string; readonly functions: Functions },
): Promise<Config> {
  const yaml = LocatedYaml.parse(text, file);
  const top = mapping(yaml.value);
  if (top === undefined) throw yaml.invalid([{ path: [], message: "must hold keys and values: functions, dryRun" }]);
  const sections = mapping(top["functions"]);
  const problems: Problem[] = Object.keys(top)
    .filter((key) => !TOP_LEVEL.includes(key))
    .map((key) => ({ path: [key], message: `there is no such key${didYouMean(key, TOP_LEVEL)}` }));
  if (sections === undefined) problems.push({ path: ["functions"], message: "must hold a section for each function" });
  problems.push(...strangers(sections ?? {}, functions), ...dryRunProblems(top["dryRun"], functions));
  const values = new Map<string, unknown>();
  for (const [name, configurable] of functions) {
    if (configurable === undefined || sections === undefined) continue;
    const result = await configurable.readConfig(sections[name]);
    if ("config" in result) values.set(name, result.config);
    else {
      const issues = result.issues.slice(0, MAX_PROBLEMS + 1);
      for (const issue of issues) problems.push(await sectionProblem(yaml, { name, configurable, issue }));
    }
  }
  if (problems.length > 0) throw yaml.invalid(problems);
  return { dryRun: top["dryRun"] === true || new Set(names(top["dryRun"])), functions: values };
}

/**
 * The text of a configuration file.
 * @throws EvenkeelError FILE_NOT_FOUND when it cannot be read, CONFIG_INVALID when it is too large or no UTF-8.
 */
export async function readConfigText(file: string): Promise<string> {
  const { size } = await found(file, stat(file));
  if (size > MAX_CONFIG_BYTES) throw invalid(file, `${size} bytes, more than the ${MAX_CONFIG_BYTES} that are read`);
  const bytes = await found(file, readFile(file));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalid(file, "not UTF-8 text", cause);
  }
}

/** Whether it could not be read because there is none. */
export function isAbsent(reading: unknown): boolean {
  return Error.isError(reading) && systemCode(reading.cause) === "ENOENT";
}

const TOP_LEVEL: readonly string[] = ["functions", "dryRun"];

/** A mapping as its keys and values; nothing at all counts as an empty one; undefined for anything else. */
function mapping(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined || value === null) return {};
  return typeof value === "object" && !Array.isArray(value) ? { ...value } : undefined;
}

function strangers(sections: Readonly<Record<string, unknown>>, functions: Functions): readonly Problem[] {
  const unknown = Object.keys(sections).filter((name) => !functions.has(name));
  return unknown.map((name) => ({ path: ["functions", name], message: noSuchFunction(name, functions) }));
}

function dryRunProblems(value: unknown, functions: Functions): readonly Problem[] {
  if (value === undefined || value === null || typeof value === "boolean") return [];
  if (!Array.isArray(value)) return [{ path: ["dryRun"], message: "must be true, or a list of functions" }];
  return value.flatMap((name: unknown, index) => {
    const path = ["dryRun", index];
    if (typeof name !== "string") return [{ path, message: "must be the name of a function" }];
    return functions.has(name) ? [] : [{ path, message: `${name}: ${noSuchFunction(name, functions)}` }];
  });
}

function noSuchFunction(name: string, functions: Functions): string {
  const all = [...functions.keys()].toSorted();
  const there = all.length === 0 ? "there is none" : `there are ${all.join(", ")}`;
  return `there is no such function (${there})${didYouMean(name, all)}`;
}

function names(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
}

async function sectionProblem(
  yaml: LocatedYaml,
  {
    name,
    configurable,
    issue,
  }: { readonly name: string; readonly configurable: Configurable; readonly issue: Problem },
): Promise<Problem> {
  const path = ["functions", name, ...issue.path];
  const word = yaml.unquoted(path);
  if (word === undefined || !(await isMendedBy(word, { yaml, name, configurable, issue })))
    return { path, message: issue.message };
  return { path, message: `${issue.message}; ${word} is no text in YAML, write "${word}"` };
}

/** Asks the schema itself whether text would do: the message of a schema is for people, not for programs. */
async function isMendedBy(
  word: string,
  { yaml, name, configurable, issue }: Parameters<typeof sectionProblem>[1] & { readonly yaml: LocatedYaml },
): Promise<boolean> {
  const section = mapping(mapping(mapping(yaml.value)?.["functions"])?.[name]);
  const result = await configurable.readConfig(replaced(section, issue.path, word));
  return "config" in result || !result.issues.some(({ path }) => path.join("\n") === issue.path.join("\n"));
}

function replaced(value: unknown, [first, ...rest]: Path, leaf: string): unknown {
  if (first === undefined) return leaf;
  if (Array.isArray(value))
    return value.map((each: unknown, index) => (index === first ? replaced(each, rest, leaf) : each));
  const record = mapping(value) ?? {};
  return { ...record, [first]: replaced(record[String(first)], rest, leaf) };
}

async function found<T>(file: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    throw new EvenkeelError(
      "FILE_NOT_FOUND",
      `${shortPath(file)}: the configuration cannot be read (${systemCode(cause) ?? "unreadable"})`,
      { cause },
    );
  }
}

function invalid(file: string, why: string, cause?: unknown): EvenkeelError {
  return new EvenkeelError("CONFIG_INVALID", `${shortPath(file)}:1:1: ${why}`, { cause });
}
